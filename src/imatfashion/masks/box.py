"""Boxes around masks."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from imatfashion.masks.runs import Runs


class Box(NamedTuple):
    """A part of a photo or of a grid, in its pixels."""

    top: int
    left: int
    height: int
    width: int


def box_of(mask_HW: npt.NDArray[np.bool_]) -> tuple[slice, slice]:
    """The rows and columns that hold all of a mask, bool (H, W); empty ones for an empty mask."""
    x, y, width, height = cv2.boundingRect(mask_HW.view(np.uint8))
    return slice(y, y + height), slice(x, x + width)


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
