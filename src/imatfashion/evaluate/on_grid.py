"""Garments of a table, brought to the grid on which the competition compares them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from imatfashion.data.annotations import Annotations
from imatfashion.masks.paint import Sampler
from imatfashion.masks.runs import IntArray, Runs
from imatfashion.masks.view import nearest
from imatfashion.metrics.competition import PhotoGarments

GRID = 512
"""Side of the competition's grid, pixels."""


def photo_garments(table: Annotations, photo: int) -> PhotoGarments:
    """A photo's garments on the grid, by class id, in the order of the table's source.

    Unknown attributes (`garment_known` False) are what the file says: an empty set.
    """
    # Readers may hold a row back (filler is told from other rows at the end of the file): its number has the order.
    garments = sorted(table.garments(photo), key=lambda garment: int(table.garment_row[garment]))
    class_ids = np.array(table.classes.ids, dtype=np.int64)
    runs = to_grid([table.runs(garment) for garment in garments], *table.size(photo))
    return PhotoGarments(class_ids[table.garment_class[garments]], table.garment_attributes[garments], runs)


def nothing(table: Annotations) -> PhotoGarments:
    """A photo without garments, with as many attributes as the table has."""
    return PhotoGarments(np.zeros(0, dtype=np.int64), np.zeros((0, len(table.attributes)), dtype=np.bool_), [])


def to_grid(masks: Sequence[Runs], height: int, width: int) -> list[Runs]:
    """Masks of a height × width grid, sampled at the cell centres of the competition's grid."""
    if (height, width) == (GRID, GRID):
        return list(masks)
    sampler = Sampler(height, width, nearest(height, GRID), nearest(width, GRID))
    return [_sample(sampler, runs) for runs in masks]


def _sample(sampler: Sampler, runs: Runs) -> Runs:
    rows, cols, mask = sampler.box(runs)
    # A row of nothing above and below, so that every column's pieces begin and end inside it.
    edges = np.diff(np.pad(mask, ((1, 1), (0, 0))).astype(np.int8), axis=0)
    column, row = np.nonzero(edges.T)
    bounds = ((column + cols.start) * GRID + row + rows.start).astype(np.int32)
    return _joined(bounds[::2], bounds[1::2])


def _joined(starts: IntArray, ends: IntArray) -> Runs:
    """Runs of pieces of which some end where the next one, in the next column, begins."""
    apart = starts[1:] != ends[:-1]
    first = np.concatenate([[True], apart])[: len(starts)]
    last = np.concatenate([apart, [True]])[: len(starts)]
    return Runs(starts[first], ends[last] - starts[first])
