"""The part of a photo that its garments are in, so that the network's pixels go to them and not to the street."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from imatfashion.data.annotations import Annotations
from imatfashion.masks.runs import Runs

_MARGIN = 0.1
"""What is added on each side, as a share of the box: garments are recognised by what they end at, too."""


class Box(NamedTuple):
    """A part of a photo, in the photo's pixels."""

    top: int
    left: int
    height: int
    width: int


def crop_around(box: Box, grid: tuple[int, int], photo: tuple[int, int]) -> Box:
    """A box on a grid over a photo, with its margin, in the photo's pixels; it never leaves the photo.

    Args:
        box: what it shall hold, in the grid's pixels.
        grid: height and width of the grid, which covers the photo.
        photo: height and width of the photo, pixels.

    Returns:
        At least one pixel of the photo.
    """
    top, bottom = _side(box.top, box.height, grid[0], photo[0])
    left, right = _side(box.left, box.width, grid[1], photo[1])
    return Box(top, left, bottom - top, right - left)


def _side(first: int, length: int, grid: int, photo: int) -> tuple[int, int]:
    margin = _MARGIN * length
    low = max(0, math.floor((first - margin) * photo / grid))
    return low, min(photo, math.ceil((first + length + margin) * photo / grid))


def box_of_runs(masks: Iterable[Runs], grid: tuple[int, int]) -> Box | None:
    """The box around masks on a grid (height, width), in its pixels; None where no mask has a pixel."""
    height = grid[0]
    spans = [_span(mask, height) for mask in masks if len(mask.starts)]
    if not spans:
        return None
    tops, lefts, bottoms, rights = zip(*spans, strict=True)
    top, left = min(tops), min(lefts)
    return Box(top, left, max(bottoms) - top, max(rights) - left)


def _span(mask: Runs, height: int) -> tuple[int, int, int, int]:
    """First row and column of a mask, and those after its last."""
    first = mask.starts.astype(np.int64)
    last = first + mask.lengths - 1
    left, right = int(first.min()) // height, int(last.max()) // height + 1
    if np.any(first // height != last // height):  # a run that goes on in the next column has its top and its bottom
        return 0, left, height, right
    return int((first % height).min()), left, int((last % height).max()) + 1, right


def garments_crop(annotations: Annotations, photo_index: int, photo: tuple[int, int]) -> Box | None:
    """The part of a photo that a table's garments are in.

    Args:
        annotations: the table.
        photo_index: the photo's index in that table.
        photo: height and width of the photo, pixels.

    Returns:
        None where the table has no garment of the photo.
    """
    grid = annotations.size(photo_index)
    box = box_of_runs((annotations.runs(garment) for garment in annotations.garments(photo_index)), grid)
    return None if box is None else crop_around(box, grid, photo)
