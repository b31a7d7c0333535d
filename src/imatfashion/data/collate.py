"""From samples to a batch.

Shapes: B photos, L label maps, H × W pixels, G garments of the whole batch, A attributes, M missed garments.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

import torch
from torch import Tensor

from imatfashion.errors import FashionError

_MOST_GARMENTS = torch.iinfo(torch.int16).max


class Sample(TypedDict):
    """One photo (see `Batch`); `regions` index its own garments, `photo` is a scalar."""

    image: Tensor
    labels: Tensor
    regions: Tensor
    garment_class: Tensor
    garment_attributes: Tensor
    garment_known: Tensor
    missed_attributes: Tensor
    photo: Tensor


class Batch(TypedDict):
    """What a training step gets.

    Attributes:
        image: RGB, uint8 (B, 3, H, W).
        labels: class index, number of classes for background, 255 to ignore, uint8 (B, L, H, W).
        regions: index of the batch's garment, −1 for none, int16 (B, L, H, W).
        garment_photo: the garment's photo in the batch, int64 (G,).
        garment_class: class index, int64 (G,).
        garment_attributes: bool (G, A).
        garment_known: whether the attributes are known, bool (G,).
        missed_attributes: attributes of the true garments, of known attributes, that no garment of the batch stands
            for, bool (M, A); none where the truth is trained on.
        photo: the photo's index in the true table, int64 (B,).
    """

    image: Tensor
    labels: Tensor
    regions: Tensor
    garment_photo: Tensor
    garment_class: Tensor
    garment_attributes: Tensor
    garment_known: Tensor
    missed_attributes: Tensor
    photo: Tensor


def collate(samples: Sequence[Sample]) -> Batch:
    """Stack samples and number their garments through.

    Raises:
        FashionError: more garments than int16 counts.
    """
    counts = torch.tensor([len(sample["garment_class"]) for sample in samples])
    if int(counts.sum()) > _MOST_GARMENTS:
        raise FashionError(
            f"a batch of {len(samples)} photos has {int(counts.sum())} garments, more than {_MOST_GARMENTS}: "
            "lower gpu.per_device_batch"
        )
    regions = torch.stack([sample["regions"] for sample in samples])
    offsets = (counts.cumsum(0) - counts).to(torch.int16)
    regions += offsets[:, None, None, None] * (regions >= 0)
    return Batch(
        image=torch.stack([sample["image"] for sample in samples]),
        labels=torch.stack([sample["labels"] for sample in samples]),
        regions=regions,
        garment_photo=torch.repeat_interleave(counts),
        garment_class=torch.cat([sample["garment_class"] for sample in samples]),
        garment_attributes=torch.cat([sample["garment_attributes"] for sample in samples]),
        garment_known=torch.cat([sample["garment_known"] for sample in samples]),
        missed_attributes=torch.cat([sample["missed_attributes"] for sample in samples]),
        photo=torch.stack([sample["photo"] for sample in samples]),
    )
