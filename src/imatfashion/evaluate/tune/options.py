"""The limits that are tried: a class's option is a cut, a smallest area and a smallest score, or nothing at all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from imatfashion.evaluate.tune.candidates import ClassRow, Cut
from imatfashion.masks.runs import BoolArray
from imatfashion.metrics.competition import Int64Array

REGIONS, COMPONENTS = 0, 1
"""Numbers of the two cuts."""
SHARES = (0.0, 0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 1.0)
"""Smallest areas that are tried, as shares of a class's typical area, so that one share suits a coat and a watch."""
GIVE_WAY = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5)
"""Parts of its typical share of a photo, below which a class gives its pixels to others, that are tried; first none."""
_SCORES = 20
"""Quantiles of the scores that were found, at most."""


class Limits(NamedTuple):
    """What an option means: the cut, the smallest area (pixels of the grid) and the smallest score."""

    cut: int
    area: int
    score: float


class Options:
    """All options, numbered: every cut with every area and every score, and at the end none of a class's garments.

    Args:
        areas: areas that are tried of each class, pixels of the grid, rising from 0, int64 (C, shares).
        scores: scores that are tried, rising from 0.
    """

    def __init__(self, areas: Int64Array, scores: Sequence[float]) -> None:
        self.areas, self.scores = areas, tuple(scores)
        self.shares = int(areas.shape[1])
        self.nothing = 2 * self.shares * len(self.scores)

    @classmethod
    def of(cls, rows: Sequence[ClassRow], typical: Sequence[float]) -> Options:
        """Shares of typical areas, and quantiles of the scores that were found; no truth of these photos is looked at.

        Args:
            rows: what was found.
            typical: typical area of each class, pixels of the grid.
        """
        areas = [[_two_digits(share * area) for share in SHARES] for area in typical]
        scores = [cut.score for row in rows for cut in row.cuts]
        found = np.concatenate(scores) if scores else np.zeros(0)
        shares = np.arange(1, _SCORES) / _SCORES
        limits = {round(score, 2) for score in (np.quantile(found, shares).tolist() if len(found) else ())}
        return cls(np.array(areas, dtype=np.int64).reshape(-1, len(SHARES)), sorted({0.0} | limits))

    def __len__(self) -> int:
        return self.nothing + 1

    def number(self, cut: int, area: int, score: int) -> int:
        """The option of a cut and the places of an area and a score."""
        return (cut * self.shares + area) * len(self.scores) + score

    def places(self, option: int) -> tuple[int, int, int]:
        """The cut and the places of the area and the score of an option other than `nothing`."""
        rest, score = divmod(option, len(self.scores))
        cut, area = divmod(rest, self.shares)
        return cut, area, score

    def limits(self, class_index: int, option: int) -> Limits:
        """What an option other than `nothing` means to a class."""
        cut, area, score = self.places(option)
        return Limits(cut, int(self.areas[class_index, area]), self.scores[score])

    def kept(self, class_index: int, cut: Cut) -> BoolArray:
        """Which garments of a cut each pair of an area and a score keeps, bool (areas · scores, m), in their order."""
        large = cut.area >= self.areas[class_index][:, None, None]
        sure = cut.score >= np.array(self.scores)[:, None]
        kept: BoolArray = (large & sure).reshape(self.nothing // 2, len(cut.area))
        return kept


def _two_digits(value: float) -> int:
    """A whole number with two digits and zeros."""
    return int(float(f"{value:.1e}"))
