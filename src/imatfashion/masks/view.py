"""Where each pixel of a sample comes from: crop, output size and mirroring, in the photo's own pixels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from imatfashion.masks.runs import BoolArray, IntArray


@dataclass(frozen=True)
class View:
    """A crop of a photo, brought to an output size and perhaps mirrored.

    The crop may stick out of the photo: what lies outside is padding.

    Attributes:
        top: first row of the crop, photo pixels.
        left: first column of the crop, photo pixels.
        height: rows of the crop, photo pixels.
        width: columns of the crop, photo pixels.
        out_height: rows of the sample.
        out_width: columns of the sample.
        flip: mirror left and right.
    """

    top: int
    left: int
    height: int
    width: int
    out_height: int
    out_width: int
    flip: bool = False

    @classmethod
    def squash(cls, height: int, width: int, out_height: int, out_width: int) -> View:
        """The whole photo, brought to the output size whatever its aspect."""
        return cls(0, 0, height, width, out_height, out_width)

    @classmethod
    def pad(cls, height: int, width: int, side: int) -> View:
        """The whole photo in the middle of a square, its aspect kept."""
        longest = max(height, width)
        return cls((height - longest) // 2, (width - longest) // 2, longest, longest, side, side)

    def shown(self, height: int, width: int) -> tuple[slice, slice]:
        """Rows and columns of the sample whose centres lie in a photo of height × width pixels; beyond is padding."""
        return _stretch(self.rows(height) >= 0), _stretch(self.cols(width) >= 0)

    def rows(self, photo_height: int, grid_height: int | None = None) -> IntArray:
        """Grid row under each output row, int32 (out_height,); −1 outside the photo."""
        return _sources(self.top, self.height, self.out_height, photo_height, grid_height or photo_height)

    def cols(self, photo_width: int, grid_width: int | None = None) -> IntArray:
        """Grid column under each output column, int32 (out_width,); −1 outside the photo."""
        sources = _sources(self.left, self.width, self.out_width, photo_width, grid_width or photo_width)
        return sources[::-1].copy() if self.flip else sources


def nearest(size: int, grid: int) -> IntArray:
    """Source index under each of `grid` cell centres, int32 (grid,): floor((i + 0.5) · size / grid), exactly."""
    return ((2 * np.arange(grid, dtype=np.int64) + 1) * size // (2 * grid)).astype(np.int32)


def _stretch(inside: BoolArray) -> slice:
    found = np.flatnonzero(inside)
    return slice(int(found[0]), int(found[-1]) + 1) if len(found) else slice(0, 0)


def _sources(first: int, length: int, out: int, photo: int, grid: int) -> IntArray:
    photo_index = first + nearest(length, out).astype(np.int64)
    outside = (photo_index < 0) | (photo_index >= photo)
    # A table may lie on a grid of its own (predictions, prepared data): the photo pixel's centre picks its cell.
    grid_index = (2 * photo_index + 1) * grid // (2 * photo)
    return np.where(outside, -1, grid_index).astype(np.int32)
