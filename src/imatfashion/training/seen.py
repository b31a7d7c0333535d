"""A few validation photos and what the network says of them, made once an epoch for all that show them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback

from imatfashion.data.collate import Batch, collate
from imatfashion.tasks.attributes import AttributeClassifier
from imatfashion.tasks.base import FashionTask
from imatfashion.tasks.classes import ClassSegmenter

if TYPE_CHECKING:
    from imatfashion.data.datamodule import FashionDataModule

Picture = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Seen:
    """Photos with what is true and what the network says.

    Attributes:
        class_names: the classes of the label maps; one index further lies the background.
        photos: uint8 (H, W, 3) each.
        truth: label maps (N, L, H, W).
        predicted: the class segmenter's, (N, L, H, W); None for the attribute classifier.
        captions: the attribute classifier's garments, a line a photo; none for the class segmenter.
    """

    class_names: Sequence[str]
    photos: list[Picture]
    truth: npt.NDArray[np.integer]
    predicted: npt.NDArray[np.integer] | None = None
    captions: Sequence[str] = ()


class SeenPhotos(Callback):
    """Looks at photos after each validation.

    Args:
        photos: how many, spread over the validation split.
        shows: what shows them.
    """

    def __init__(self, photos: int, shows: Sequence[Callable[[Seen, pl.Trainer], None]]) -> None:
        self.photos = photos
        self.shows = shows

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Decode and predict them once, for all that show them."""
        if trainer.sanity_checking or not trainer.is_global_zero:
            return
        data: FashionDataModule = trainer.datamodule  # type: ignore[attr-defined]
        assert isinstance(pl_module, FashionTask)
        seen = see(pl_module, some_photos(data, self.photos, pl_module.device))
        for show in self.shows:
            show(seen, trainer)


def some_photos(data: FashionDataModule, photos: int, device: torch.device) -> Batch:
    """So many photos of the validation split, spread over it, on a device."""
    dataset = data.val_dataset()
    chosen = np.linspace(0, len(dataset) - 1, min(photos, len(dataset))).round().astype(int)
    return to_device(collate([dataset[int(index)] for index in chosen]), device)


def to_device(batch: Batch, device: torch.device) -> Batch:
    """The batch on another device."""
    moved: Batch = {key: value.to(device) for key, value in batch.items()}  # type: ignore[attr-defined,assignment]
    return moved


@torch.no_grad()
def see(task: FashionTask, batch: Batch) -> Seen:
    """What the network says of a batch."""
    names, photos, truth = task.spec.class_names, images_of(batch), batch["labels"].cpu().numpy()
    if isinstance(task, ClassSegmenter):
        return Seen(names, photos, truth, task(batch["image"]).argmax(2).cpu().numpy())
    assert isinstance(task, AttributeClassifier)
    probability = task(batch).float().sigmoid().cpu().numpy()
    captions = [attribute_caption(task, batch, probability, index) for index in range(len(photos))]
    return Seen(names, photos, truth, captions=captions)


def images_of(batch: Batch) -> list[Picture]:
    """The batch's images as pictures, uint8 (H, W, 3) each."""
    return list(batch["image"].permute(0, 2, 3, 1).contiguous().cpu().numpy())


def attribute_caption(task: AttributeClassifier, batch: Batch, probability: npt.NDArray[np.float32], photo: int) -> str:
    """What is said of a photo's garments, beside what is true.

    Args:
        task: names the classes and attributes.
        batch: the photo's batch.
        probability: float (G, A) of the batch's garments.
        photo: index in the batch.
    """
    parts = []
    for garment in torch.nonzero(batch["garment_photo"] == photo).flatten().tolist():
        guessed = np.flatnonzero(probability[garment] >= 0.5)
        true = np.flatnonzero(batch["garment_attributes"][garment].cpu().numpy())
        if len(guessed) or len(true):
            class_name = task.spec.class_names[int(batch["garment_class"][garment])]
            known = _names(task, true) if batch["garment_known"][garment] else "unknown"
            parts.append(f"{class_name}: {_names(task, guessed)} (truth: {known})")
    return "; ".join(parts) or "no attributes"


def _names(task: AttributeClassifier, indices: Sequence[int] | npt.NDArray[np.intp]) -> str:
    return ", ".join(task.spec.attribute_names[index] for index in indices) or "none"
