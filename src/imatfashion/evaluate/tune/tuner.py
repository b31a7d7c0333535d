"""One search over everything that is tuned, on some of the photos."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from imatfashion.evaluate.tune.objective import FloatArray, Objective
from imatfashion.evaluate.tune.options import COMPONENTS, REGIONS
from imatfashion.evaluate.tune.outcomes import Outcomes
from imatfashion.evaluate.tune.search import PARTS as MASK_PARTS
from imatfashion.evaluate.tune.search import Rules, search_masks
from imatfashion.evaluate.tune.setting import PLAIN_THRESHOLD, Setting
from imatfashion.evaluate.tune.thresholds import search_thresholds
from imatfashion.masks.runs import BoolArray

OBJECTIVES = ("per_photo", "pooled", "competition")
"""What is tuned for: the two scores without attributes (thresholds: with them), or the competition's score, with
attributes per photo, at any price."""
ATTRIBUTES = "attributes"
"""The part of the search that is not about masks."""


class Tuner:
    """Tunes and evaluates settings.

    Args:
        outcomes: what options come to.
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
        outcomes: Outcomes,
        objective: str,
        *,
        num_classes: int,
        component_classes: Sequence[int],
        described: bool,
    ) -> None:
        self.outcomes = outcomes
        self.pooled, self.free = objective == "pooled", objective == "competition"
        options = outcomes.options
        cuts = [COMPONENTS if index in component_classes else REGIONS for index in range(num_classes)]
        masks = np.array([options.number(cut, 0, 0) for cut in cuts], dtype=np.int64)
        self.plain = Setting(masks, np.full(outcomes.pairs.truth.shape[1], PLAIN_THRESHOLD))
        searched = [*MASK_PARTS[:3], *([ATTRIBUTES] if described else []), *(MASK_PARTS[3:] if self.free else ())]
        self.parts = tuple(searched)
        self._masks_objective = Objective(outcomes, pooled=self.pooled)
        self._tuned = lru_cache(maxsize=None)(self._tune)

    def tune(self, parts: frozenset[str], photos: BoolArray) -> Setting:
        """The best setting on some photos, bool (P,), of those that differ from the plain one in some parts."""
        return self._tuned(parts, photos.tobytes())

    def figures(self, setting: Setting, *, with_attributes: bool) -> FloatArray:
        """What each photo adds to the score under a setting, float64 (P, K)."""
        objective = self._with_attributes(setting.thresholds) if with_attributes else self._masks_objective
        return objective.figures(setting.masks)

    def score(self, figures: FloatArray) -> float:
        """The score of some photos' figures."""
        return float(self._masks_objective.score(figures.sum(axis=0), len(figures)))

    def scores(self, totals: FloatArray, photos: int) -> FloatArray:
        """The scores of several sums over `photos` photos, float64 (N,) of (N, K)."""
        return self._masks_objective.score(totals, photos)

    def counts_attributes(self, part: str | None) -> bool:
        """Whether a part's gain is one of the score with attributes; None for all parts together."""
        return self.free or part == ATTRIBUTES

    def _tune(self, parts: frozenset[str], packed: bytes) -> Setting:
        photos = np.frombuffer(packed, dtype=np.bool_)
        masks_parts = parts & set(MASK_PARTS[:3])
        masks, thresholds = self.plain.masks, self.plain.thresholds
        if masks_parts:
            masks = search_masks(self._masks_objective, photos, Rules(masks, masks_parts))
        if ATTRIBUTES in parts:
            thresholds = search_thresholds(self.outcomes, masks, photos, pooled=self.pooled, silence=self.free)
        if self.free and parts & set(MASK_PARTS):
            rules = Rules(self.plain.masks, parts & set(MASK_PARTS), silence=True)
            masks = search_masks(self._with_attributes(thresholds), photos, rules, start=masks)
        return Setting(masks, thresholds)

    def _with_attributes(self, thresholds: FloatArray) -> Objective:
        equal = Setting(self.plain.masks, thresholds).equal(self.outcomes.pairs)
        return Objective(self.outcomes, pooled=self.pooled, equal=equal)
