"""One search over everything that is tuned, on some of the photos."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from imatfashion.evaluate.tune.objective import FloatArray, Objective
from imatfashion.evaluate.tune.options import COMPONENTS, REGIONS
from imatfashion.evaluate.tune.outcomes import Outcomes
from imatfashion.evaluate.tune.search import EVIDENCE, TIE, Rules, search_masks
from imatfashion.evaluate.tune.search import PARTS as MASK_PARTS
from imatfashion.evaluate.tune.setting import PLAIN_THRESHOLD, Setting
from imatfashion.evaluate.tune.thresholds import search_thresholds
from imatfashion.masks.runs import BoolArray
from imatfashion.metrics.competition import Int64Array

OBJECTIVES = ("per_photo", "pooled", "competition")
"""What is tuned for: the two scores without attributes (thresholds: with them), or the competition's score, with
attributes per photo, at any price."""
ATTRIBUTES = "attributes"
"""The part of the search that is not about masks."""
GIVING_WAY = "giving way"
"""The part of the search that changes what is found, before limits leave some of it out."""


class Tuner:
    """Tunes and evaluates settings.

    Args:
        outcomes: what options come to under each of `GIVE_WAY` that is tried, of the same options.
        objective: one of `OBJECTIVES`.
        num_classes: number of classes.
        component_classes: classes of which each component is a garment, untuned.
        described: whether there is an attribute classifier.

    Attributes:
        plain: the setting of an untuned prediction.
        parts: what can be searched, in the order in which it is tried.
    """

    def __init__(
        self,
        outcomes: Sequence[Outcomes],
        objective: str,
        *,
        num_classes: int,
        component_classes: Sequence[int],
        described: bool,
    ) -> None:
        self.outcomes = tuple(outcomes)
        self.options = self.outcomes[0].options
        self.pooled, self.free = objective == "pooled", objective == "competition"
        cuts = [COMPONENTS if index in component_classes else REGIONS for index in range(num_classes)]
        masks = np.array([self.options.number(cut, 0, 0) for cut in cuts], dtype=np.int64)
        self.plain = Setting(masks, np.full(self.outcomes[0].pairs.truth.shape[1], PLAIN_THRESHOLD))
        self.parts = (
            *([GIVING_WAY] if len(self.outcomes) > 1 else []),
            *MASK_PARTS[:3],
            *([ATTRIBUTES] if described else []),
            *(MASK_PARTS[3:] if self.free else ()),
        )
        self._masks_objectives = [Objective(each, pooled=self.pooled) for each in self.outcomes]
        self._tuned = lru_cache(maxsize=None)(self._tune)

    def tune(self, parts: frozenset[str], photos: BoolArray) -> Setting:
        """The best setting on some photos, bool (P,), of those that differ from the plain one in some parts."""
        return self._tuned(parts, photos.tobytes())

    def figures(self, setting: Setting, *, with_attributes: bool) -> FloatArray:
        """What each photo adds to the score under a setting, float64 (P, K)."""
        objective = self._with_attributes(setting) if with_attributes else self._masks_objectives[setting.give_way]
        return objective.figures(setting.masks)

    def score(self, figures: FloatArray) -> float:
        """The score of some photos' figures."""
        return float(self._masks_objectives[0].score(figures.sum(axis=0), len(figures)))

    def scores(self, totals: FloatArray, photos: int) -> FloatArray:
        """The scores of several sums over `photos` photos, float64 (N,) of (N, K)."""
        return self._masks_objectives[0].score(totals, photos)

    def counts_attributes(self, part: str | None) -> bool:
        """Whether a part's gain is one of the score with attributes; None for all parts together."""
        return self.free or part == ATTRIBUTES

    def _tune(self, parts: frozenset[str], packed: bytes) -> Setting:
        photos = np.frombuffer(packed, dtype=np.bool_)
        best = self._tune_limits(parts, photos, 0)
        if GIVING_WAY not in parts:
            return best
        most = self._score_on(best, photos)
        for place in range(1, len(self.outcomes)):
            tried = self._tune_limits(parts, photos, place)
            score = self._score_on(tried, photos)
            if score > most + TIE and (self.free or self._audible(place, photos)):
                best, most = tried, score
        return best

    def _tune_limits(self, parts: frozenset[str], photos: BoolArray, give_way: int) -> Setting:
        """The best limits of what is found under one of `GIVE_WAY`."""
        masks_parts = parts & set(MASK_PARTS[:3])
        masks, thresholds = self.plain.masks, self.plain.thresholds
        outcomes = self.outcomes[give_way]
        if masks_parts:
            masks = search_masks(self._masks_objectives[give_way], photos, Rules(masks, masks_parts))
        if ATTRIBUTES in parts:
            thresholds = search_thresholds(outcomes, masks, photos, pooled=self.pooled, silence=self.free)
        if self.free and parts & set(MASK_PARTS):
            rules = Rules(self.plain.masks, parts & set(MASK_PARTS), silence=True)
            objective = self._with_attributes(Setting(masks, thresholds, give_way))
            masks = search_masks(objective, photos, rules, start=masks)
        return Setting(masks, thresholds, give_way)

    def _score_on(self, setting: Setting, photos: BoolArray) -> float:
        return self.score(self.figures(setting, with_attributes=self.free)[photos])

    def _audible(self, give_way: int, photos: BoolArray) -> bool:
        """Whether each class stays in a tenth of the photos in which it is found plain, and half of its hits do."""
        found, plain = (_found_and_right(self.outcomes[place], self.plain.masks, photos) for place in (give_way, 0))
        enough = plain[0] >= EVIDENCE
        return bool(((10 * found[0] >= plain[0]) & (2 * found[1] >= plain[1]))[enough].all())

    def _with_attributes(self, setting: Setting) -> Objective:
        outcomes = self.outcomes[setting.give_way]
        return Objective(outcomes, pooled=self.pooled, equal=setting.equal(outcomes.pairs))


def _found_and_right(outcomes: Outcomes, masks: Int64Array, photos: BoolArray) -> tuple[Int64Array, Int64Array]:
    """Photos in which each class is found, and hits at the lowest threshold, int64 (C,) each."""
    chosen, mine = outcomes.chosen(masks), photos[outcomes.row_photo]
    found, hits = outcomes.submitted[chosen] > 0, outcomes.hits()[chosen, 0]
    counts = [np.bincount(outcomes.row_class[mine], of[mine], minlength=len(masks)) for of in (found, hits)]
    return counts[0].astype(np.int64), counts[1].astype(np.int64)
