"""The search for each class's option: first the same limits for all classes, then a class at a time.

A class is given limits of its own only where enough photos have it, and where they gain by more than chance would
easily give; of options that are equally good the plainest is taken.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from imatfashion.evaluate.tune.objective import Objective
from imatfashion.evaluate.tune.options import COMPONENTS, REGIONS, SHARES
from imatfashion.masks.runs import BoolArray
from imatfashion.metrics.competition import Int64Array

PARTS = ("areas", "confidence", "components", "left out")
"""What is searched: the smallest area and score of each class, its cut, and whether it is left out altogether."""
EVIDENCE = 10
"""Photos that must have a class for it to be given an option of its own."""
CAUTION = 0.5
"""Standard errors over photos by which an option of a class's own must gain."""
_ROUNDS = 3
_MOST = 0.5
_PLAIN: dict[str, int | None] = {"components": None, "areas": 0, "confidence": 0}
TIE = 1e-12
"""Scores that differ by less are equal: their sums were rounded."""


@dataclass(frozen=True)
class Rules:
    """What a search may do.

    Attributes:
        plain: option of each class as prediction has it untuned, int64 (C,).
        parts: those of `PARTS` that are searched.
        silence: whether an option may do away with (nearly) all of a class.
    """

    plain: Int64Array
    parts: frozenset[str]
    silence: bool = False


def search_masks(objective: Objective, photos: BoolArray, rules: Rules, start: Int64Array | None = None) -> Int64Array:
    """Search on some photos.

    Args:
        objective: the score.
        photos: which photos count, bool (P,).
        rules: what may be done.
        start: option of each class to start from; by default the plain ones.

    Returns:
        Option of each class, int64 (C,).
    """
    search = _Search(objective, photos, rules)
    masks = search.shared((rules.plain if start is None else start).copy())
    for _ in range(_ROUNDS):
        before = masks.copy()
        for class_index in search.classes:
            masks[class_index] = search.own(masks, class_index)
        if (masks == before).all():
            break
    return masks


class _Search:
    def __init__(self, objective: Objective, photos: BoolArray, rules: Rules) -> None:
        self.objective, self.photos, self.rules = objective, photos, rules
        self.outcomes = objective.outcomes
        self.options = self.outcomes.options
        self.count = int(photos.sum())
        seen = np.bincount(self.outcomes.row_class[photos[self.outcomes.row_photo]], minlength=len(rules.plain))
        self.classes = np.flatnonzero(seen >= EVIDENCE).tolist()
        self.allowed = np.ones((len(rules.plain), len(self.options)), dtype=np.bool_)
        if not rules.silence:
            hits = self.outcomes.hits()[:, 0]
            for class_index, plain in enumerate(rules.plain.tolist()):
                self.allowed[class_index] = self._audible(class_index, plain, hits)

    def shared(self, masks: Int64Array) -> Int64Array:
        """The best limits that all classes share, found along one axis after the other."""
        best, limits = self._score(masks), dict(_PLAIN)
        for _ in range(2):
            for axis, places in self._axes():
                for place in places:
                    tried = self._everywhere(limits | {axis: place})
                    score = self._score(tried)
                    if score > best + TIE:
                        best, masks, limits = score, tried, limits | {axis: place}
        return masks

    def own(self, masks: Int64Array, class_index: int) -> int:
        """The option of one class, the others as they are."""
        now = int(masks[class_index])
        options = self._options_of(class_index, now)
        trial = self.objective.trial(masks, class_index, options)
        mine = self.photos[trial.photos]
        old = self.objective.figures(masks)
        total = old[self.photos].sum(axis=0)
        change_rOK = trial.figures[mine] - old[trial.photos[mine]][:, None]
        score_O = self.objective.score(total + change_rOK.sum(axis=0), self.count)
        gain_O = score_O - self.objective.score(total, self.count)
        error_O = np.sqrt(((change_rOK @ self.objective.slope(total, self.count)) ** 2).sum(axis=0))
        worth_O = gain_O - CAUTION * error_O
        best = int(worth_O.argmax())
        return int(options[best]) if worth_O[best] > TIE else now

    def _score(self, masks: Int64Array) -> float:
        return float(self.objective.score(self.objective.figures(masks)[self.photos].sum(axis=0), self.count))

    def _axes(self) -> Iterator[tuple[str, Sequence[int]]]:
        axes = {
            "components": (REGIONS, COMPONENTS),
            "areas": range(len(SHARES)),
            "confidence": range(len(self.options.scores)),
        }
        yield from ((axis, places) for axis, places in axes.items() if axis in self.rules.parts)

    def _everywhere(self, limits: dict[str, int | None]) -> Int64Array:
        """These limits for all classes; where they would silence a class, the nearest that do not."""
        return np.array([self._nearest(index, limits) for index in range(len(self.rules.plain))])

    def _nearest(self, class_index: int, limits: dict[str, int | None]) -> int:
        plain = int(self.rules.plain[class_index])
        cut = self.options.places(plain)[0] if limits["components"] is None else limits["components"]
        area, score = limits["areas"] or 0, limits["confidence"] or 0
        tried = [self.options.number(cut, a, s) for a in range(area + 1) for s in range(score + 1)]
        allowed = [option for option in tried if self.allowed[class_index, option]]
        return max(allowed, key=lambda option: sum(self.options.places(option)[1:]), default=plain)

    def _options_of(self, class_index: int, now: int) -> Int64Array:
        """Options that differ from a class's present one in what is searched, plainer ones first."""
        plain = int(self.rules.plain[class_index])
        places = dict(zip(_PLAIN, self.options.places(plain if now == self.options.nothing else now), strict=True))
        axes = {axis: (place,) for axis, place in places.items()} | dict(self._axes())
        found = [self.options.number(*chosen) for chosen in product(*axes.values())]
        found += [self.options.nothing] if "left out" in self.rules.parts else []
        return np.array([option for option in found if self.allowed[class_index, option]], dtype=np.int64)

    def _audible(self, class_index: int, plain: int, hits: Int64Array) -> BoolArray:
        """Options that keep a class in a tenth of the photos it was found in, and half of its hits, bool (S,)."""
        rows = self.outcomes.rows_of(class_index)
        index = self.outcomes.index[rows][self.photos[self.outcomes.row_photo[rows]]]
        found_S, right_S = (self.outcomes.submitted[index] > 0).sum(axis=0), hits[index].sum(axis=0)
        allowed: BoolArray = (10 * found_S >= found_S[plain]) & (2 * right_S >= right_S[plain])
        if class_index not in self.classes:
            # What so few photos show of a class says little of how small its garments can be.
            allowed[:-1] &= np.array(
                [SHARES[self.options.places(option)[1]] <= _MOST for option in range(len(allowed) - 1)]
            )
            allowed[-1] = False
        return allowed
