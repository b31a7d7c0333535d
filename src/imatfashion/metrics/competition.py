"""The competition's score, as pure functions on runs.

A pair of garments is a hit at the threshold t when IoU > t; t is k / 20 for k = 10 … 19, and IoU > k / 20 is decided in
whole numbers (20 · intersection > k · union), so that an IoU of exactly 0.55 is no hit at 0.55 on any machine.

The score of n truth garments and m submitted ones with h hits is h / (n + m − h), which is TP / (TP + FP + FN): every
garment of either side outside a hit is one FP or FN. It is averaged over the thresholds. The two aggregations:
`photo_score` is one photo's mean over its classes, `pooled_score` takes sums over photos and classes.

Two scores go side by side, with and without attributes (an axis of length 2, in this order).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from imatfashion.masks.runs import BoolArray, Runs

Int64Array = npt.NDArray[np.int64]

TWENTIETHS: Int64Array = np.arange(10, 20, dtype=np.int64)
"""The thresholds 0.50, 0.55 … 0.95 in twentieths."""


@dataclass(frozen=True)
class PhotoGarments:
    """One side's garments of a photo, in the order of their file.

    Attributes:
        classes: class index each, int (G,).
        attributes: their attribute sets, bool (G, A).
        runs: their masks, G of them, all on one grid.
    """

    classes: npt.NDArray[np.integer]
    attributes: BoolArray
    runs: Sequence[Runs]


class ClassHits(NamedTuple):
    """What a class of a photo counts.

    Attributes:
        class_index: the class.
        truth: garments of the truth.
        submitted: garments of the submission.
        hits: pairs that are a hit, int64 (2, 10): with and without attributes, per threshold.
    """

    class_index: int
    truth: int
    submitted: int
    hits: Int64Array


def photo_hits(truth: PhotoGarments, submission: PhotoGarments) -> list[ClassHits]:
    """Count the hits of each class that the truth or the submission has in a photo, by rising class index.

    Garments of a class are matched one to one by their masks alone (`match_pairs`); attributes only decide whether a
    matched pair is a hit: the two sets must be equal.
    """
    present = np.union1d(truth.classes, submission.classes)
    return [_class_hits(int(class_index), truth, submission) for class_index in present]


def _class_hits(class_index: int, truth: PhotoGarments, submission: PhotoGarments) -> ClassHits:
    of_truth = np.flatnonzero(truth.classes == class_index)
    of_submission = np.flatnonzero(submission.classes == class_index)
    hits = np.zeros((2, len(TWENTIETHS)), dtype=np.int64)
    if len(of_truth) and len(of_submission):
        shared, union = overlaps(_masks(truth, of_truth), _masks(submission, of_submission))
        left, right = match_pairs(shared, union)
        over = 20 * shared[left, right, None] > TWENTIETHS * union[left, right, None]
        equal = (truth.attributes[of_truth[left]] == submission.attributes[of_submission[right]]).all(axis=1)
        hits[0] = over[equal].sum(axis=0)
        hits[1] = over.sum(axis=0)
    return ClassHits(class_index, len(of_truth), len(of_submission), hits)


def _masks(side: PhotoGarments, garments: npt.NDArray[np.intp]) -> list[Runs]:
    return [side.runs[garment] for garment in garments.tolist()]


def overlaps(left: Sequence[Runs], right: Sequence[Runs]) -> tuple[Int64Array, Int64Array]:
    """Pixels that two lists of masks share and cover, pair by pair, from their runs alone.

    Args:
        left: n masks.
        right: m masks on the same grid.

    Returns:
        Intersections and unions, int64 (n, m) each.
    """
    shared = np.zeros((len(left), len(right)), dtype=np.int64)
    if len(right):
        bounds = np.concatenate([edges for runs in right for edges in (runs.starts, runs.starts + runs.lengths)])
        counts = np.array([len(runs.starts) for runs in right])
        signs = np.concatenate([np.repeat((-1, 1), count) for count in counts])
        owner = np.repeat(np.arange(len(right)), 2 * counts)
        for i, runs in enumerate(left):
            # Pixels of a run of `right` that lie in `runs`: those before its end less those before its start.
            np.add.at(shared[i], owner, signs * _pixels_before(runs, bounds))
    areas = [np.array([runs.area for runs in side], dtype=np.int64) for side in (left, right)]
    return shared, areas[0][:, None] + areas[1][None, :] - shared


def _pixels_before(runs: Runs, positions: npt.NDArray[np.int32]) -> Int64Array:
    """How many pixels of a mask lie before each position of the flattened grid, int64 like `positions`."""
    if not len(runs.starts):
        return np.zeros(len(positions), dtype=np.int64)
    before = np.concatenate([[0], np.cumsum(runs.lengths, dtype=np.int64)])
    last = np.searchsorted(runs.starts, positions, side="right") - 1
    inside = np.minimum(positions - runs.starts[last], runs.lengths[last])
    return np.where(last >= 0, before[last] + inside, 0)


def match_pairs(shared: Int64Array, union: Int64Array) -> tuple[Int64Array, Int64Array]:
    """Match two lists of masks one to one, greedily by falling IoU.

    Of pairs with the same IoU the one whose left mask comes first goes first, then the one whose right mask does; so
    the order of the files decides, and nothing else. Masks that share no pixel stay unmatched: they are never a hit.

    Args:
        shared: intersections, int64 (n, m).
        union: unions, int64 (n, m).

    Returns:
        Rows and columns of the matched pairs, int64 (k,) each, by falling IoU.
    """
    rows, cols = np.nonzero(shared)
    # Different IoUs of grids below 2^26 pixels differ as float64 too, and equal ones are equal: this order is exact.
    order = np.argsort(-(shared[rows, cols] / union[rows, cols]), kind="stable")
    left: dict[int, int] = {}
    taken: set[int] = set()
    for row, col in zip(rows[order].tolist(), cols[order].tolist(), strict=True):
        if row not in left and col not in taken:
            left[row] = col
            taken.add(col)
    return np.array(list(left), dtype=np.int64), np.array(list(left.values()), dtype=np.int64)


def pooled_score(truth: int, submitted: int, hits: Int64Array) -> tuple[float, float]:
    """Mean over the thresholds of TP / (TP + FP + FN), with and without attributes.

    Args:
        truth: garments of the truth.
        submitted: garments of the submission.
        hits: int64 (2, 10).

    Returns:
        The two scores, 0 … 1; 1 where there is nothing on either side.
    """
    if not truth + submitted:
        return 1.0, 1.0
    precision = hits / (truth + submitted - hits)
    return mean(precision[0].tolist()), mean(precision[1].tolist())


def photo_score(classes: Sequence[ClassHits]) -> tuple[float, float]:
    """One photo's mean over its classes, with and without attributes; 1 for a photo with nothing on either side."""
    if not classes:
        return 1.0, 1.0
    scores = [pooled_score(found.truth, found.submitted, found.hits) for found in classes]
    return mean([score[0] for score in scores]), mean([score[1] for score in scores])


def mean(values: Sequence[float]) -> float:
    """Mean whose sum is rounded once, so that the order of the values does not show in the last digit."""
    return math.fsum(values) / len(values)
