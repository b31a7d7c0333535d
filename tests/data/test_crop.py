"""The part of a photo that its garments are in, against boxes of plain masks."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imatfashion.config.schema import AugmentConfig
from imatfashion.config.size import sample_size
from imatfashion.data.annotations import Annotations
from imatfashion.data.build import open_table
from imatfashion.data.crop import crop_around, garments_crop
from imatfashion.data.dataset import FashionDataset
from imatfashion.masks.box import Box, box_of_runs
from imatfashion.masks.runs import decode_runs, encode_mask


@given(st.integers(1, 12), st.integers(1, 12), st.integers(0, 2**32 - 1), st.floats(0, 0.3))
def test_the_box_holds_all_masks(height: int, width: int, seed: int, share: float) -> None:
    masks = np.random.default_rng(seed).random((3, height, width)) < share
    found = box_of_runs([encode_mask(mask) for mask in masks], (height, width))
    rows, columns = np.nonzero(masks.any(0))
    if not len(rows):
        assert found is None
        return
    assert found is not None
    top, left, bottom, right = rows.min(), columns.min(), rows.max() + 1, columns.max() + 1
    assert (found.left, found.left + found.width) == (left, right)
    # A run down two columns is not looked into: its rows are all of them, which is never less than there is.
    assert found.top <= top
    assert found.top + found.height >= bottom
    if height > 1 and not (masks[:, -1, :-1] & masks[:, 0, 1:]).any():
        assert (found.top, found.top + found.height) == (top, bottom)


def test_the_crop_has_a_margin_and_stays_in_the_photo() -> None:
    assert crop_around(Box(20, 10, 50, 40), (100, 100), (100, 100)) == Box(15, 6, 60, 48)
    assert crop_around(Box(20, 10, 50, 40), (100, 100), (200, 300)) == Box(30, 18, 120, 144)
    assert crop_around(Box(0, 0, 100, 100), (100, 100), (37, 53)) == Box(0, 0, 37, 53)
    assert crop_around(Box(99, 0, 1, 1), (100, 100), (3, 3)) == Box(2, 0, 1, 1)


@pytest.fixture(scope="module")
def table(drawn: Path) -> Annotations:
    return open_table(drawn)


def dataset(table: Annotations, augment: AugmentConfig | None = None) -> FashionDataset:
    return FashionDataset(
        table,
        np.arange(len(table)),
        resolution=64,
        resize="squash",
        crop="garments",
        layer_of_class=table.layer_of_class(1),
        augment=augment,
        seed=1,
    )


def test_a_sample_shows_its_garments_larger(table: Annotations) -> None:
    closer = dataset(table)
    for photo in range(len(table)):
        height, width = table.size(photo)
        masks = [decode_runs(table.runs(garment), height, width) for garment in table.garments(photo)]
        rows, columns = np.nonzero(np.any(masks, axis=0))
        crop = garments_crop(table, photo, (height, width))
        assert crop is not None
        down, right = 0.1 * (np.ptp(rows) + 1), 0.1 * (np.ptp(columns) + 1)
        assert crop.top == max(0, math.floor(rows.min() - down))
        assert crop.left + crop.width == min(width, math.ceil(columns.max() + 1 + right))
        labels = closer[photo]["labels"]
        assert (labels != 255).all()
        covered = (labels < len(table.classes)).float().mean()
        assert float(covered) == pytest.approx(np.any(masks, axis=0).sum() / crop.height / crop.width, abs=0.04)


def test_other_aspects_have_as_many_pixels(table: Annotations) -> None:
    assert sample_size(224, 1) == (224, 224)
    assert sample_size(320, 2) == (448, 224)
    assert sample_size(320, 0.5) == (224, 448)
    assert sample_size(33, 1) == (33, 33)
    assert sample_size(32, 4) == (64, 32)
    options = {"resolution": 64, "resize": "squash", "layer_of_class": table.layer_of_class(1), "seed": 1}
    tall = FashionDataset(table, np.arange(3), augment=AugmentConfig(), aspect=2.0, **options)
    assert tall[0]["image"].shape == (3, 96, 32)
    assert tall[0]["labels"].shape == tall[0]["regions"].shape == (1, 96, 32)


def test_training_sees_whole_photos_too(table: Annotations) -> None:
    still = AugmentConfig(probability=0.0, flip=False)
    plain, changed = dataset(table), dataset(table, still)
    keys = [(epoch, index) for epoch in range(20) for index in range(len(table))]
    shown = [changed[key]["labels"].equal(plain[key[1]]["labels"]) for key in keys]
    assert 0.8 < np.mean(shown) < 0.97
