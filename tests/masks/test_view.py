"""Views: which photo pixel lies under each sample pixel, in exact arithmetic."""

from __future__ import annotations

from fractions import Fraction
from math import floor

import numpy as np
import pytest

from imatfashion.masks.view import View, nearest


@pytest.mark.parametrize(("size", "grid"), [(1, 1), (7, 7), (3000, 512), (512, 3000), (8688, 224), (5, 2), (1, 9)])
def test_nearest_takes_cell_centres(size: int, grid: int):
    wanted = [floor((i + Fraction(1, 2)) * size / grid) for i in range(grid)]
    assert nearest(size, grid).tolist() == wanted


def test_squash_covers_the_whole_photo():
    view = View.squash(30, 20, 6, 4)
    assert view.rows(30).tolist() == [2, 7, 12, 17, 22, 27]
    assert view.cols(20).tolist() == [2, 7, 12, 17]


@pytest.mark.parametrize(("height", "width"), [(40, 20), (20, 40), (21, 40)])
def test_pad_keeps_the_aspect_in_the_middle(height: int, width: int):
    view = View.pad(height, width, 40)
    rows, cols = view.rows(height), view.cols(width)
    assert (rows >= 0).sum() == height
    assert (cols >= 0).sum() == width
    short = rows if height < width else cols
    outside = np.flatnonzero(short < 0)
    before = (outside < 20).sum()
    assert abs(before - (len(outside) - before)) <= 1


def test_flip_mirrors_columns_only():
    plain, flipped = View(1, 2, 9, 8, 5, 6), View(1, 2, 9, 8, 5, 6, flip=True)
    np.testing.assert_array_equal(flipped.rows(20), plain.rows(20))
    np.testing.assert_array_equal(flipped.cols(20), plain.cols(20)[::-1])


def test_outside_is_minus_one():
    view = View(-5, 8, 20, 4, 20, 4)
    assert view.rows(10).tolist() == [-1] * 5 + list(range(10)) + [-1] * 5
    assert view.cols(10).tolist() == [8, 9, -1, -1]


def test_a_grid_of_its_own_is_looked_up_by_the_photo_pixels_centre():
    view = View(0, 3, 10, 4, 10, 4)
    assert view.rows(10, 5).tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]
    wanted = [floor((x + Fraction(1, 2)) * 512 / 7) for x in (3, 4, 5, 6)]
    assert view.cols(7, 512).tolist() == wanted
