"""The search for attribute thresholds, in the score itself: a hit needs exactly the attributes of the truth."""

from __future__ import annotations

from dataclasses import replace
from math import inf

import numpy as np

from imatfashion.evaluate.tune.objective import FloatArray, Objective
from imatfashion.evaluate.tune.outcomes import Outcomes
from imatfashion.evaluate.tune.search import CAUTION, EVIDENCE, TIE
from imatfashion.evaluate.tune.setting import PLAIN_THRESHOLD, equal_pairs, never
from imatfashion.masks.runs import BoolArray
from imatfashion.metrics.competition import Int64Array

_TRIED = tuple(round(0.05 * step, 2) for step in range(1, 20))
_ROUNDS = 2


def search_thresholds(
    outcomes: Outcomes, masks: Int64Array, photos: BoolArray, *, pooled: bool, silence: bool
) -> FloatArray:
    """Search on some photos, the garments as they are: a threshold for all attributes, then each one's own.

    Args:
        outcomes: what options come to.
        masks: option of each class.
        photos: which photos count, bool (P,).
        pooled: as `Objective`.
        silence: whether attributes may be left out, one or all.

    Returns:
        Threshold of each attribute, float64 (A,).
    """
    chosen, row_of_pair = _reduced(outcomes, masks)
    search = _Search(chosen, chosen.row_photo[row_of_pair], photos, pooled, silence)
    thresholds = search.shared()
    for _ in range(_ROUNDS):
        before = thresholds.copy()
        for attribute in search.attributes:
            thresholds = search.own(thresholds, attribute)
        if (thresholds == before).all():
            break
    return thresholds


def _reduced(outcomes: Outcomes, masks: Int64Array) -> tuple[Outcomes, Int64Array]:
    """The chosen outcomes alone, one a row, and the row of each pair that is left."""
    chosen = outcomes.chosen(masks)
    row_of_outcome = np.full(len(outcomes.truth), -1, dtype=np.int64)
    row_of_outcome[chosen] = np.arange(len(chosen))
    row_of_pair = row_of_outcome[outcomes.pairs.outcome]
    mine = row_of_pair >= 0
    reduced = replace(
        outcomes,
        index=np.arange(len(chosen), dtype=np.int32)[:, None],
        truth=outcomes.truth[chosen],
        submitted=outcomes.submitted[chosen],
        pairs=outcomes.pairs.of(row_of_pair, mine),
    )
    return reduced, row_of_pair[mine]


class _Search:
    def __init__(
        self, outcomes: Outcomes, photo_of_pair: Int64Array, photos: BoolArray, pooled: bool, silence: bool
    ) -> None:
        self.outcomes, self.photos, self.pooled, self.silence = outcomes, photos, pooled, silence
        self.objective = Objective(outcomes, pooled=pooled)
        self.count = int(photos.sum())
        self.only = np.zeros(int(outcomes.row_class.max(initial=0)) + 1, dtype=np.int64)
        pairs = outcomes.pairs
        mine = photos[photo_of_pair]
        self.truth, self.probabilities = pairs.truth[mine], pairs.probabilities[mine]
        self.attributes = np.flatnonzero(self.truth.sum(axis=0) >= EVIDENCE).tolist()

    def shared(self) -> FloatArray:
        """The best threshold that all attributes share; none for no attribute at all, where that is allowed."""
        num_attributes = self.outcomes.pairs.truth.shape[1]
        plain = np.full(num_attributes, PLAIN_THRESHOLD)
        tried = [self._audible(np.full(num_attributes, threshold)) for threshold in _TRIED]
        tried += [never(num_attributes)] if self.silence else []
        return self._better(plain, tried, caution=0.0)

    def own(self, thresholds: FloatArray, attribute: int) -> FloatArray:
        """Thresholds with that of one attribute changed, where that pays."""
        tried = []
        for threshold in (*_TRIED, inf):
            other = thresholds.copy()
            other[attribute] = threshold
            if self.silence or self._heard(attribute, threshold):
                tried.append(other)
        return self._better(thresholds, tried, caution=CAUTION)

    def _better(self, now: FloatArray, tried: list[FloatArray], caution: float) -> FloatArray:
        old = self._figures(now)
        total = old.sum(axis=0)
        slope, score = self.objective.slope(total, self.count), self.objective.score(total, self.count)
        best, found = TIE, now
        for thresholds in tried:
            new = self._figures(thresholds)
            error = float(np.sqrt((((new - old) @ slope) ** 2).sum()))
            worth = float(self.objective.score(new.sum(axis=0), self.count) - score) - caution * error
            if worth > best:
                best, found = worth, thresholds
        return found

    def _figures(self, thresholds: FloatArray) -> FloatArray:
        equal = equal_pairs(self.outcomes.pairs, thresholds)
        return Objective(self.outcomes, pooled=self.pooled, equal=equal).figures(self.only)[self.photos]

    def _audible(self, thresholds: FloatArray) -> FloatArray:
        """The thresholds, plain for the attributes that they would silence."""
        if self.silence:
            return thresholds
        heard = [self._heard(attribute, float(threshold)) for attribute, threshold in enumerate(thresholds)]
        return np.where(heard, thresholds, PLAIN_THRESHOLD)

    def _heard(self, attribute: int, threshold: float) -> bool:
        """Whether a threshold keeps a tenth of what is written of an attribute untuned, and half of what is right."""
        probabilities, truth = self.probabilities[:, attribute], self.truth[:, attribute]
        plain, tuned = probabilities >= PLAIN_THRESHOLD, probabilities >= threshold
        right = 2 * (tuned & truth).sum() >= (plain & truth).sum()
        return bool(10 * tuned.sum() >= plain.sum() and right and threshold < inf)
