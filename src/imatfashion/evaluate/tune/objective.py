"""The score as sums over photos: what each photo adds under a setting, and the score of what they add up to.

Suffixes: P photos, R rows, K figures that a photo adds (1 per photo, 12 pooled), O options that are tried.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from imatfashion.evaluate.tune.outcomes import Outcomes
from imatfashion.masks.runs import BoolArray
from imatfashion.metrics.competition import TWENTIETHS, Int64Array

FloatArray = npt.NDArray[np.float64]
ATTRIBUTES, MASKS = 0, 1
"""Whether a hit needs equal attributes: the places of the two in `ClassHits.hits`."""


class Trial(NamedTuple):
    """What the photos that have a class add under each option of it, float64 (r, O, K), and these photos (r,)."""

    photos: Int64Array
    figures: FloatArray


class Objective:
    """A score of settings, photo by photo.

    Args:
        outcomes: what options come to.
        pooled: hits and garments are summed over photos before the ratio; otherwise each photo has its own score.
        equal: pairs whose attributes are equal, bool (Q,); None where attributes do not count.
    """

    def __init__(self, outcomes: Outcomes, *, pooled: bool = False, equal: BoolArray | None = None) -> None:
        self.outcomes, self.pooled = outcomes, pooled
        hits = outcomes.hits(equal).astype(np.float64)
        kind = MASKS if equal is None else ATTRIBUTES
        garments = (outcomes.truth + outcomes.submitted).astype(np.float64)
        # Of an outcome: is anything there, is anything kept, and what counts.
        self._there = (garments > 0).astype(np.float64)
        self._kept = (outcomes.submitted > 0).astype(np.float64)
        if pooled:
            self._adds = np.column_stack([garments, hits])
        else:
            self._adds = _ratio(garments, hits)[:, None]
        self._filler = _filler_figures(outcomes, kind, pooled)

    def figures(self, masks: Int64Array) -> FloatArray:
        """What each photo adds under an option for each class, float64 (P, K)."""
        return self._finish(*self._sums(self.outcomes.chosen(masks)), self._filler)

    def trial(self, masks: Int64Array, class_index: int, options: Int64Array) -> Trial:
        """What the photos that have a class add if its option is another one, the other classes as they are."""
        outcomes = self.outcomes
        rows = outcomes.rows_of(class_index)
        photos, chosen = outcomes.row_photo[rows], outcomes.chosen(masks)
        old, new = chosen[rows], outcomes.index[rows][:, options]
        adds, there, kept = (
            (total[photos] - of_outcome[old])[:, None] + of_outcome[new]
            for total, of_outcome in zip(self._sums(chosen), (self._adds, self._there, self._kept), strict=True)
        )
        return Trial(photos, self._finish(adds, there, kept, self._filler[photos][:, None]))

    def score(self, total: FloatArray, photos: int) -> FloatArray:
        """The score of sums over photos, float64 (…,) of (…, K)."""
        if not self.pooled:
            mean: FloatArray = total[..., 0] / photos
            return mean
        return _ratio(total[..., 0], total[..., 1:])

    def slope(self, total: FloatArray, photos: int) -> FloatArray:
        """How the score of sums changes with each of them, float64 (K,)."""
        if not self.pooled:
            return np.array([1 / photos])
        garments, hits = total[0], total[1:]
        rest = np.maximum(garments - hits, 1)
        return np.concatenate([[-(hits / rest**2).mean()], garments / rest**2 / len(TWENTIETHS)])

    def _sums(self, chosen: npt.NDArray[np.int32]) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Over a photo's rows: what counts (P, K), how many classes are there (P,), how many are kept (P,)."""
        outcomes = self.outcomes
        adds = np.zeros((outcomes.photos, self._adds.shape[1]))
        np.add.at(adds, outcomes.row_photo, self._adds[chosen])
        there, kept = np.zeros(outcomes.photos), np.zeros(outcomes.photos)
        np.add.at(there, outcomes.row_photo, self._there[chosen])
        np.add.at(kept, outcomes.row_photo, self._kept[chosen])
        return adds, there, kept

    def _finish(self, adds: FloatArray, there: FloatArray, kept: FloatArray, filler: FloatArray) -> FloatArray:
        # A photo of which nothing is kept has a filler row, whatever its truth.
        whole = adds if self.pooled else adds / np.maximum(there, 1)[..., None]
        extra = adds + filler if self.pooled else filler
        return np.where(kept[..., None] > 0, whole, extra)


def _ratio(garments: FloatArray, hits: FloatArray) -> FloatArray:
    """Mean over the thresholds of hits / (garments − hits), float64 (…,) of (…,) and (…, T); 0 where there are none."""
    misses = garments[..., None] - hits
    mean: FloatArray = np.divide(hits, misses, out=np.zeros(misses.shape), where=misses > 0).mean(axis=-1)
    return mean


def _filler_figures(outcomes: Outcomes, kind: int, pooled: bool) -> FloatArray:
    """What a photo adds of which nothing is kept: the whole of its score, or to its sums, float64 (P, K)."""
    hits = np.array([filler.hits[kind] for filler in outcomes.fillers], dtype=np.float64)
    truth = np.array([filler.truth for filler in outcomes.fillers], dtype=np.float64)
    if pooled:
        return np.column_stack([np.ones(len(truth)), hits])
    true_rows = outcomes.truth[outcomes.index[:, -1]] > 0
    classes = np.bincount(outcomes.row_photo, true_rows, minlength=outcomes.photos) + (truth == 0)
    figures: FloatArray = (_ratio(truth + 1, hits) / classes)[:, None]
    return figures
