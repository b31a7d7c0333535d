"""A whole setting: an option for each class and a threshold for each attribute."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

import numpy as np
import numpy.typing as npt

from imatfashion.evaluate.tune.objective import FloatArray
from imatfashion.evaluate.tune.outcomes import Outcomes, Pairs
from imatfashion.masks.runs import BoolArray
from imatfashion.metrics.competition import ClassHits, Int64Array

PLAIN_THRESHOLD = 0.5


@dataclass(frozen=True)
class Setting:
    """What is kept and what is written.

    Attributes:
        masks: option of each class, int64 (C,).
        thresholds: probability from which each attribute is written, float64 (A,); infinite for never.
        give_way: place in `GIVE_WAY` of what a class must have of its typical share of a photo.
    """

    masks: Int64Array
    thresholds: FloatArray
    give_way: int = 0

    def equal(self, pairs: Pairs) -> BoolArray:
        """Pairs whose written attributes are exactly those of the truth, bool (Q,)."""
        return equal_pairs(pairs, self.thresholds)


def equal_pairs(pairs: Pairs, thresholds: FloatArray) -> BoolArray:
    """Pairs whose attributes are exactly those of the truth under some thresholds, bool (Q,)."""
    equal: BoolArray = (written(pairs.probabilities, thresholds) == pairs.truth).all(axis=1)
    return equal


def written(probabilities: npt.NDArray[np.float32], thresholds: FloatArray) -> BoolArray:
    """Which attributes are written, bool (…, A), compared in the precision of a prediction."""
    result: BoolArray = probabilities >= thresholds.astype(np.float32)
    return result


def never(count: int) -> FloatArray:
    """Thresholds that no probability reaches."""
    return np.full(count, inf)


def class_hits(outcomes: Outcomes, setting: Setting, class_ids: tuple[int, ...]) -> list[list[ClassHits]]:
    """What each photo counts under a setting, as the score of a submission counts it: for each photo its classes."""
    hits = np.stack([outcomes.hits(setting.equal(outcomes.pairs)), outcomes.hits()], axis=1)
    photos: list[dict[int, ClassHits]] = [{} for _ in range(outcomes.photos)]
    kept = np.zeros(outcomes.photos, dtype=np.int64)
    for row, outcome in enumerate(outcomes.chosen(setting.masks).tolist()):
        truth, submitted = int(outcomes.truth[outcome]), int(outcomes.submitted[outcome])
        photo, class_id = int(outcomes.row_photo[row]), class_ids[int(outcomes.row_class[row])]
        kept[photo] += submitted
        if truth + submitted:
            photos[photo][class_id] = ClassHits(class_id, truth, submitted, hits[outcome])
    for photo in np.flatnonzero(kept == 0).tolist():
        filler = outcomes.fillers[photo]
        photos[photo][filler.class_index] = filler
    return [list(classes.values()) for classes in photos]
