from __future__ import annotations

import pytest
import torch

from imatfashion.data.collate import Sample, collate
from imatfashion.errors import FashionError


def sample(garments, photo, missed=0):
    regions = torch.full((1, 4, 4), -1, dtype=torch.int16)
    for garment in range(min(garments, 16)):
        regions.view(-1)[garment] = garment
    return Sample(
        image=torch.full((3, 4, 4), photo, dtype=torch.uint8),
        labels=torch.zeros((1, 4, 4), dtype=torch.uint8),
        regions=regions,
        garment_class=torch.full((garments,), photo),
        garment_attributes=torch.ones((garments, 5), dtype=torch.bool),
        garment_known=torch.ones(garments, dtype=torch.bool),
        missed_attributes=torch.zeros((missed, 5), dtype=torch.bool),
        photo=torch.tensor(photo),
    )


def test_garments_are_numbered_through():
    batch = collate([sample(2, 7), sample(0, 8, missed=2), sample(3, 9, missed=1)])
    assert batch["garment_photo"].tolist() == [0, 0, 2, 2, 2]
    assert batch["garment_class"].tolist() == [7, 7, 9, 9, 9]
    assert batch["photo"].tolist() == [7, 8, 9]
    assert batch["regions"][0, 0, 0].tolist() == [0, 1, -1, -1]
    assert (batch["regions"][1] == -1).all()
    assert batch["regions"][2, 0, 0].tolist() == [2, 3, 4, -1]
    assert batch["missed_attributes"].shape == (3, 5)
    types = {name: value.dtype for name, value in batch.items()}
    assert types["regions"] == torch.int16
    assert types["image"] == types["labels"] == torch.uint8
    assert types["garment_photo"] == types["garment_class"] == types["photo"] == torch.int64
    assert types["garment_attributes"] == types["garment_known"] == torch.bool


def test_batch_without_garments():
    batch = collate([sample(0, 1), sample(0, 2)])
    assert batch["garment_attributes"].shape == (0, 5)
    assert batch["garment_photo"].shape == (0,)


def test_more_garments_than_regions_can_count():
    with pytest.raises(FashionError, match=r"40000 garments.*per_device_batch"):
        collate([sample(20000, 1), sample(20000, 2)])


def test_samples_are_left_alone():
    samples = [sample(2, 1), sample(2, 2)]
    collate(samples)
    assert samples[1]["regions"].max() == 1
