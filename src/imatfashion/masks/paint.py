"""Painting masks at the size that is needed, straight from runs: no full-size mask exists."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from imatfashion.masks.runs import BoolArray, IntArray, Runs


class Sampler:
    """Samples runs of one grid at given rows and columns.

    Made once per photo and view, used for each of its garments.

    Args:
        height: rows of the grid that the runs count over.
        width: columns of that grid.
        rows: grid row under each output row, int32 (h,), −1 outside; rising.
        cols: grid column under each output column, int32 (w,), −1 outside; rising, or falling when mirrored.
    """

    def __init__(self, height: int, width: int, rows: IntArray, cols: IntArray) -> None:
        self.height = height
        self.shape = (len(rows), len(cols))
        inside = cols[cols >= 0]
        self.mirrored = len(inside) > 1 and bool(inside[0] > inside[-1])
        rising = cols[::-1] if self.mirrored else cols
        # first_row[r]: the first output row whose source is row r or later; so are columns.
        self.first_row = _firsts(rows, height)
        self.first_col = _firsts(rising, width)

    def box(self, runs: Runs) -> tuple[slice, slice, BoolArray]:
        """The output rows and columns that the runs can touch, and the mask inside that box, bool (h', w')."""
        top, bottom, left, right = self._segments(runs)
        hit = (top < bottom) & (left < right)
        top, bottom, left, right = top[hit], bottom[hit], left[hit], right[hit]
        if not len(top):
            return slice(0, 0), slice(0, 0), np.zeros((0, 0), dtype=np.bool_)
        y0, y1, x0, x1 = int(top.min()), int(bottom.max()), int(left.min()), int(right.max())
        mask = _fill(top - y0, bottom - y0, left - x0, right - x0, y1 - y0, x1 - x0)
        if self.mirrored:
            mask, x0, x1 = mask[:, ::-1], self.shape[1] - x1, self.shape[1] - x0
        return slice(y0, y1), slice(x0, x1), mask

    def sample(self, runs: Runs) -> BoolArray:
        """The mask at the sampled pixels, bool (h, w)."""
        out = np.zeros(self.shape, dtype=np.bool_)
        rows, cols, mask = self.box(runs)
        out[rows, cols] = mask
        return out

    def paint(self, target: npt.NDArray[Any], runs: Runs, value: int) -> None:
        """Write `value` into `target` (h, w), any integer type, where the mask is."""
        rows, cols, mask = self.box(runs)
        target[rows, cols][mask] = value

    def _segments(self, runs: Runs) -> tuple[IntArray, IntArray, IntArray, IntArray]:
        """Output boxes (top, bottom, left, right) of the runs' pieces, one column of the grid each."""
        first_col, first_y = np.divmod(runs.starts, self.height)
        last_col, last_y = np.divmod(runs.starts + runs.lengths - 1, self.height)
        # A run that crosses columns is a tail, whole columns (one box) and a head.
        single = first_col == last_col
        tails = (first_y, np.where(single, last_y + 1, self.height), first_col, first_col + 1)
        many = ~single
        zeros, full = np.zeros(many.sum(), dtype=np.int32), np.full(many.sum(), self.height, dtype=np.int32)
        middle = (zeros, full, first_col[many] + 1, last_col[many])
        heads = (zeros, last_y[many] + 1, last_col[many], last_col[many] + 1)
        top, bottom, left, right = (np.concatenate(parts) for parts in zip(tails, middle, heads, strict=True))
        return self.first_row[top], self.first_row[bottom], self.first_col[left], self.first_col[right]


def _firsts(sources: IntArray, size: int) -> IntArray:
    """For each source index 0 … size: the first output index at or after it, int32 (size + 1,)."""
    inside = np.flatnonzero(sources >= 0)
    if not len(inside):
        return np.zeros(size + 1, dtype=np.int32)
    lowest = int(inside[0])
    return (lowest + np.searchsorted(sources[inside], np.arange(size + 1))).astype(np.int32)


def _fill(top: IntArray, bottom: IntArray, left: IntArray, right: IntArray, height: int, width: int) -> BoolArray:
    """Union of boxes, bool (height, width), by a summed difference in one or two directions."""
    wide = right - left > 1
    narrow = ~wide
    steps = np.zeros((height + 1, width), dtype=np.int16)
    np.add.at(steps, (top[narrow], left[narrow]), 1)
    np.add.at(steps, (bottom[narrow], left[narrow]), -1)
    for y0, y1, x0, x1 in zip(top[wide], bottom[wide], left[wide], right[wide], strict=True):
        steps[y0, x0:x1] += 1
        steps[y1, x0:x1] -= 1
    return np.cumsum(steps[:-1], axis=0, dtype=np.int16) > 0
