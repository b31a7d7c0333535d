"""Painting masks at the size that is needed, straight from runs: no full-size mask exists."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from imatfashion.masks.runs import BoolArray, IntArray, Runs

_Box = tuple[slice, slice, BoolArray]


class Sampler:
    """Samples runs of one grid at given rows and columns.

    Made once per photo and view, used for each of its garments.

    Sampling keeps the order of column-major positions, so that a run of the grid is a run of the sample: where it
    begins and ends there is looked up, column and row apart. Output columns that show the same grid column are sampled
    once and copied at the end.

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
        self._top, shown_rows = _shown(rows)
        self._left, shown_cols = _shown(rising)
        distinct, self._copies = np.unique(shown_cols, return_inverse=True)
        self._tall = len(shown_rows)
        self._row_of = _positions(shown_rows, height)
        column_of = _positions(distinct, width)
        # Where a grid column begins in the sample, and whether it is in it at all.
        self._column_begin: IntArray = column_of * np.int32(self._tall)
        self._column_shown: IntArray = np.diff(column_of, append=column_of[-1:]).astype(np.int32)
        self._repeats = len(distinct) < len(shown_cols)

    def box(self, runs: Runs) -> _Box:
        """The output rows and columns that the runs can touch, and the mask inside that box, bool (h', w')."""
        begin, end = self._place(runs.starts), self._place(runs.starts + runs.lengths)
        hit = begin < end
        begin, end = begin[hit], end[hit]
        if not len(begin):
            return slice(0, 0), slice(0, 0), np.zeros((0, 0), dtype=np.bool_)
        x0, x1 = int(begin[0]) // self._tall, (int(end[-1]) - 1) // self._tall + 1
        mask_WH = _fill(begin - x0 * self._tall, end - x0 * self._tall, x1 - x0, self._tall)
        y0, y1 = self._rows_of(begin, end)
        mask = mask_WH[:, y0:y1].T
        if self._repeats:
            first, last = np.searchsorted(self._copies, (x0, x1)).tolist()
            mask, x0, x1 = mask[:, self._copies[first:last] - x0], first, last
        x0, x1 = x0 + self._left, x1 + self._left
        if self.mirrored:
            mask, x0, x1 = mask[:, ::-1], self.shape[1] - x1, self.shape[1] - x0
        return slice(self._top + y0, self._top + y1), slice(x0, x1), mask

    def sample(self, runs: Runs) -> BoolArray:
        """The mask at the sampled pixels, bool (h, w)."""
        out = np.zeros(self.shape, dtype=np.bool_)
        rows, cols, mask = self.box(runs)
        out[rows, cols] = mask
        return out

    def paint(self, target: npt.NDArray[Any], runs: Runs, value: int) -> None:
        """Write `value` into `target` (h, w), any integer type, where the mask is."""
        rows, cols, mask = self.box(runs)
        np.copyto(target[rows, cols], value, where=mask)

    def _place(self, positions: IntArray) -> IntArray:
        """Column-major position in the sample of the first pixel that is at or after a position of the grid."""
        column, row = np.divmod(positions, np.int32(self.height))
        return self._column_begin[column] + self._column_shown[column] * self._row_of[row]

    def _rows_of(self, begin: IntArray, end: IntArray) -> tuple[int, int]:
        """The rows that the runs of the sample lie in; all of them where a run goes on in the next column."""
        column, top = np.divmod(begin, np.int32(self._tall))
        bottom = end - column * np.int32(self._tall)
        lowest = int(bottom.max())
        return (0, self._tall) if lowest > self._tall else (int(top.min()), lowest)


def _shown(sources: IntArray) -> tuple[int, IntArray]:
    """The first output index inside the grid, and the sources of all that are inside: they follow one another."""
    inside = np.flatnonzero(sources >= 0)
    return (int(inside[0]) if len(inside) else 0), sources[inside]


def _positions(sources: IntArray, size: int) -> IntArray:
    """For each source index 0 … size: how many outputs have a smaller one, int32 (size + 1,)."""
    return np.searchsorted(sources, np.arange(size + 1)).astype(np.int32)


def _fill(begin: IntArray, end: IntArray, width: int, height: int) -> BoolArray:
    """The mask of sorted, disjoint, column-major runs, bool (width, height): a row is a column of the picture."""
    bounds = np.empty(2 * len(begin) + 2, dtype=np.int64)
    bounds[0], bounds[1:-1:2], bounds[2:-1:2], bounds[-1] = 0, begin, end, width * height
    inside = np.zeros(len(bounds) - 1, dtype=np.bool_)
    inside[1::2] = True
    return np.repeat(inside, np.diff(bounds)).reshape(width, height)
