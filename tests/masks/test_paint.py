"""Painting at a size against the plain way: decode the whole mask, then sample it at pixel centres."""

from __future__ import annotations

import numpy as np
import pytest

from imatfashion.masks.paint import Sampler
from imatfashion.masks.runs import Runs, encode_mask
from imatfashion.masks.view import View


def plain(mask: np.ndarray, rows: np.ndarray, cols: np.ndarray) -> np.ndarray:
    """The mask at rows × cols, false where either is outside."""
    out = np.zeros((len(rows), len(cols)), dtype=bool)
    for y, row in enumerate(rows):
        for x, col in enumerate(cols):
            out[y, x] = row >= 0 and col >= 0 and mask[row, col]
    return out


def blobs(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    mask = rng.random((height, width)) < rng.choice([0.0, 0.02, 0.5, 1.0])
    for _ in range(rng.integers(3)):
        y, x = rng.integers(height), rng.integers(width)
        mask[y : y + rng.integers(1, height + 1), x : x + rng.integers(1, width + 1)] ^= True
    return mask


def random_view(rng: np.random.Generator, height: int, width: int) -> View:
    top, left = int(rng.integers(-height, height + 3)), int(rng.integers(-width, width + 3))
    crop_height, crop_width = int(rng.integers(1, 2 * height + 2)), int(rng.integers(1, 2 * width + 2))
    out_height, out_width = (int(v) for v in rng.integers(1, 30, 2))
    return View(top, left, crop_height, crop_width, out_height, out_width, bool(rng.random() < 0.5))


@pytest.mark.parametrize("seed", range(4))
def test_any_view_equals_decode_then_sample(seed: int):
    rng = np.random.default_rng(seed)
    for _ in range(100):
        height, width = (int(v) for v in rng.integers(1, 40, 2))
        mask, view = blobs(rng, height, width), random_view(rng, height, width)
        rows, cols = view.rows(height), view.cols(width)
        sampled = Sampler(height, width, rows, cols).sample(encode_mask(mask))
        np.testing.assert_array_equal(sampled, plain(mask, rows, cols), err_msg=f"{view} of {height} × {width}")


@pytest.mark.parametrize("grid", [1, 8, 64])
def test_runs_on_a_grid_of_their_own(grid: int):
    rng = np.random.default_rng(grid)
    for _ in range(40):
        height, width = (int(v) for v in rng.integers(1, 60, 2))
        mask, view = blobs(rng, grid, grid), random_view(rng, height, width)
        rows, cols = view.rows(height, grid), view.cols(width, grid)
        sampled = Sampler(grid, grid, rows, cols).sample(encode_mask(mask))
        np.testing.assert_array_equal(sampled, plain(mask, rows, cols))


def test_the_submission_grid_of_a_real_size():
    rng = np.random.default_rng(5)
    mask = np.kron(rng.random((30, 20)) < 0.4, np.ones((100, 100), dtype=bool))
    view = View.squash(3000, 2000, 512, 512)
    sampled = Sampler(3000, 2000, view.rows(3000), view.cols(2000)).sample(encode_mask(mask))
    rows = [int((i + 0.5) * 3000 / 512) for i in range(512)]
    cols = [int((i + 0.5) * 2000 / 512) for i in range(512)]
    np.testing.assert_array_equal(sampled, mask[np.ix_(rows, cols)])


def test_touching_runs_are_painted_once():
    sampler = Sampler(4, 3, np.arange(4, dtype=np.int32), np.arange(3, dtype=np.int32))
    runs = Runs(np.array([0, 2, 4, 9], dtype=np.int32), np.array([2, 2, 4, 1], dtype=np.int32))
    np.testing.assert_array_equal(sampler.sample(runs), [[1, 1, 0], [1, 1, 1], [1, 1, 0], [1, 1, 0]])


def test_paint_writes_only_under_the_mask():
    mask = np.zeros((5, 6), dtype=bool)
    mask[1:3, 2:5] = True
    view = View.squash(5, 6, 5, 6)
    target = np.full((5, 6), 7, dtype=np.uint8)
    Sampler(5, 6, view.rows(5), view.cols(6)).paint(target, encode_mask(mask), 3)
    np.testing.assert_array_equal(target, np.where(mask, 3, 7))


def test_an_empty_mask_and_a_view_beside_the_photo_paint_nothing():
    view = View(100, 100, 5, 5, 4, 4)
    sampler = Sampler(10, 10, view.rows(10), view.cols(10))
    assert not sampler.sample(encode_mask(np.ones((10, 10), dtype=bool))).any()
    inside = View.squash(10, 10, 4, 4)
    assert not Sampler(10, 10, inside.rows(10), inside.cols(10)).sample(encode_mask(np.zeros((10, 10), bool))).any()
