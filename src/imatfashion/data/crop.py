"""The part of a photo that its garments are in, so that the network's pixels go to them and not to the street."""

from __future__ import annotations

import math

from imatfashion.data.annotations import Annotations
from imatfashion.masks.box import Box, box_of_runs

_MARGIN = 0.1
"""What is added on each side, as a share of the box: garments are recognised by what they end at, too."""


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
