"""Gains on photos that were not tuned on.

Photos are dealt into folds; a fold is scored under the setting that the other folds give. A part of the search is kept
if it gains so. The gain of the whole is measured one level further out: there the choice of parts, too, is made without
the fold that is scored. Where the whole does not gain, nothing is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from imatfashion.errors import FashionError
from imatfashion.evaluate.tune.objective import FloatArray
from imatfashion.evaluate.tune.setting import Setting
from imatfashion.evaluate.tune.tuner import ATTRIBUTES, Tuner
from imatfashion.masks.runs import BoolArray
from imatfashion.metrics.competition import Int64Array

RESAMPLES = 2000
"""Bootstrap resamples of the photos."""
_LEAST = 4
"""Photos of a fold."""
_AT_ONCE = 100


@dataclass(frozen=True)
class Gain:
    """A gain on photos that were not tuned on.

    Attributes:
        before: score without it.
        after: score with it.
        low: 2.5 % quantile of the gain over resampled photos.
        high: 97.5 % quantile.
        with_attributes: whether the score counts attributes.
    """

    before: float
    after: float
    low: float
    high: float
    with_attributes: bool

    @property
    def gain(self) -> float:
        """What is gained."""
        return self.after - self.before


@dataclass(frozen=True)
class Tuned:
    """The result of a cross-validated search.

    Attributes:
        setting: what all photos give, with the parts that were kept.
        parts: gain of each part on top of those kept before it.
        kept: the parts that were kept.
        whole: gain of the whole procedure.
        attributes: its gain in the score with attributes, where attributes were tuned beside masks; else None.
    """

    setting: Setting
    parts: dict[str, Gain]
    kept: tuple[str, ...]
    whole: Gain
    attributes: Gain | None


def deal(groups: Sequence[int], folds: int, seed: int) -> Int64Array:
    """Fold of each photo, int64 (P,); a group stays together.

    Raises:
        FashionError: there are fewer than two folds, or too few photos for them.
    """
    if folds < 2:
        raise FashionError(f"--folds {folds} leaves nothing to score on: at least 2 are needed")
    units = np.unique(groups)
    if len(units) < _LEAST * folds:
        raise FashionError(
            f"{len(groups)} validation photos{_apart(len(units), len(groups))} are too few to tune on in {folds} "
            f"folds, {_LEAST * folds} are needed: keep more photos for validation (data.val_fraction), or lower --folds"
        )
    fold_of_unit = np.random.default_rng(seed).permutation(len(units)) % folds
    return fold_of_unit[np.searchsorted(units, groups)]


def _apart(units: int, photos: int) -> str:
    return f", of which {units} are no near-duplicates," if units < photos else ""


def cross_validate(tuner: Tuner, groups: Sequence[int], *, folds: int, seed: int) -> Tuned:
    """Tune, and measure what it gains.

    Args:
        tuner: what is tuned.
        groups: group of each photo.
        folds: number of folds.
        seed: of the dealing and the resampling.

    Raises:
        FashionError: as `deal`.
    """
    fold = deal(groups, folds, seed)
    everything = np.ones(len(fold), dtype=np.bool_)
    kept, parts = _choose(tuner, everything, fold, folds, seed)
    outer = [tuner.plain] * folds
    for number in range(folds):
        others = fold != number
        # Within the other folds it is a cross-validation of its own, over these folds.
        chosen, _ = _choose(tuner, others, fold, folds, seed)
        outer[number] = tuner.tune(chosen, others)
    plain = [tuner.plain] * folds
    whole = _gain(tuner, plain, outer, fold, tuner.counts_attributes(None), seed)
    described = ATTRIBUTES in tuner.parts and not tuner.free
    attributes = _gain(tuner, plain, outer, fold, True, seed) if described else None
    order = tuple(part for part in tuner.parts if part in kept and _pays(part, whole, attributes))
    return Tuned(tuner.tune(frozenset(order), everything), parts, order, whole, attributes)


def _pays(part: str, whole: Gain, attributes: Gain | None) -> bool:
    """Whether the procedure gains as a whole in the score that a part is about: else the part's gain was luck."""
    gain = attributes if part == ATTRIBUTES and attributes is not None else whole
    return gain.gain > 0


def _choose(
    tuner: Tuner, photos: BoolArray, fold: Int64Array, folds: int, seed: int
) -> tuple[frozenset[str], dict[str, Gain]]:
    """The parts that gain on held-out photos of these, each on top of those before it, and their gains."""
    kept: frozenset[str] = frozenset()
    settings = [tuner.plain] * folds
    gains = {}
    for part in tuner.parts:
        tried = kept | {part}
        held_out = [
            tuner.tune(tried, photos & (fold != number)) if (photos & (fold == number)).any() else tuner.plain
            for number in range(folds)
        ]
        gains[part] = _gain(tuner, settings, held_out, fold, tuner.counts_attributes(part), seed, photos)
        if gains[part].gain > 0:
            kept, settings = tried, held_out
    return kept, gains


def _gain(
    tuner: Tuner,
    before: Sequence[Setting],
    after: Sequence[Setting],
    fold: Int64Array,
    with_attributes: bool,
    seed: int,
    photos: BoolArray | None = None,
) -> Gain:
    """The gain of one setting a fold over another, on the photos of the fold."""
    chosen = slice(None) if photos is None else photos
    old, new = (_held_out(tuner, settings, fold, with_attributes)[chosen] for settings in (before, after))
    low, high = interval(tuner.scores, old, new, seed=seed)
    return Gain(tuner.score(old), tuner.score(new), low, high, with_attributes)


def _held_out(tuner: Tuner, settings: Sequence[Setting], fold: Int64Array, with_attributes: bool) -> FloatArray:
    """What each photo adds under its fold's setting, float64 (P, K)."""
    figures = np.stack([tuner.figures(setting, with_attributes=with_attributes) for setting in settings])
    found: FloatArray = figures[fold, np.arange(len(fold))]
    return found


def interval(
    scores: Callable[[FloatArray, int], FloatArray], old: FloatArray, new: FloatArray, *, seed: int
) -> tuple[float, float]:
    """The middle 95 % of the gain over photos drawn with replacement, the same ones for both.

    Args:
        scores: the scores, float64 (N,), of several sums, (N, K), over a number of photos.
        old: what each photo adds, float64 (P, K).
        new: the same of what may gain.
        seed: of the drawing.
    """
    rng = np.random.default_rng([seed, RESAMPLES])
    count = len(old)
    gains = []
    for first in range(0, RESAMPLES, _AT_ONCE):
        rounds = min(_AT_ONCE, RESAMPLES - first)
        drawn = rng.multinomial(count, np.full(count, 1 / count), size=rounds).astype(np.float64)
        gains.append(scores(drawn @ new, count) - scores(drawn @ old, count))
    low, high = np.quantile(np.concatenate(gains), [0.025, 0.975]).tolist()
    return low, high
