"""What each option of each class comes to in each photo, counted once: from here on the search is sums over arrays.

An outcome is a set of garments that is kept of a class in a photo. Few differ, however many options there are.
Suffixes: R rows (a class in a photo), S options, U outcomes, Q matched pairs, T thresholds of IoU.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from imatfashion.evaluate.tune.candidates import ClassRow, Cut, MeasuredPhoto
from imatfashion.evaluate.tune.options import Options
from imatfashion.masks.runs import BoolArray
from imatfashion.metrics.competition import TWENTIETHS, ClassHits, Int64Array, match_pairs


@dataclass(frozen=True)
class Pairs:
    """The matched pairs of all outcomes.

    Attributes:
        outcome: outcome of each, int64 (Q,).
        over: whether the IoU is above each threshold, bool (Q, T).
        truth: attributes of the true garment, bool (Q, A).
        probabilities: of the found garment's attributes, float32 (Q, A).
    """

    outcome: Int64Array
    over: BoolArray
    truth: BoolArray
    probabilities: npt.NDArray[np.float32]

    def of(self, outcome: Int64Array, chosen: BoolArray) -> Pairs:
        """Some of the pairs, bool (Q,), with other numbers of their outcomes, int64 (Q,)."""
        return Pairs(outcome[chosen], self.over[chosen], self.truth[chosen], self.probabilities[chosen])


@dataclass(frozen=True)
class Outcomes:
    """All outcomes.

    Attributes:
        options: the options that were counted.
        photos: number of photos.
        row_photo: photo of each row, int64 (R,).
        row_class: class of each row, int64 (R,), rising.
        index: outcome of each row by option, int32 (R, S).
        truth: true garments of each outcome's row, int64 (U,).
        submitted: garments that are kept, int64 (U,).
        pairs: what matches.
        fillers: what a photo counts of which nothing is kept, beside its rows.
    """

    options: Options
    photos: int
    row_photo: Int64Array
    row_class: Int64Array
    index: npt.NDArray[np.int32]
    truth: Int64Array
    submitted: Int64Array
    pairs: Pairs
    fillers: tuple[ClassHits, ...]

    def hits(self, equal: BoolArray | None = None) -> Int64Array:
        """Hits of each outcome, int64 (U, T): of all pairs, or of those whose attributes are `equal` (Q,)."""
        hits = np.zeros((len(self.truth), len(TWENTIETHS)), dtype=np.int64)
        chosen = slice(None) if equal is None else equal
        np.add.at(hits, self.pairs.outcome[chosen], self.pairs.over[chosen])
        return hits

    def chosen(self, masks: Int64Array) -> npt.NDArray[np.int32]:
        """Outcome of each row, int32 (R,), under an option for each class."""
        found: npt.NDArray[np.int32] = self.index[np.arange(len(self.index)), masks[self.row_class]]
        return found

    def rows_of(self, class_index: int) -> slice:
        """The rows of a class."""
        first, end = np.searchsorted(self.row_class, [class_index, class_index + 1])
        return slice(int(first), int(end))


def count_outcomes(
    photos: Sequence[MeasuredPhoto], typical: Sequence[float], options: Options | None = None
) -> Outcomes:
    """Count what every option comes to.

    Args:
        photos: measured photos, in the order of their numbers.
        typical: typical area of each class, pixels of the grid.
        options: what is tried, where other outcomes of the same photos shall be compared with these; by default what
            typical areas and the found scores give.
    """
    rows = sorted((row for photo in photos for row in photo.rows), key=lambda row: (row.class_index, row.photo))
    options = options or Options.of(rows, typical)
    counter = _Counter()
    index = np.array([_outcomes_of(row, options, counter) for row in rows], dtype=np.int32).reshape(-1, len(options))
    return Outcomes(
        options,
        len(photos),
        np.array([row.photo for row in rows], dtype=np.int64),
        np.array([row.class_index for row in rows], dtype=np.int64),
        index,
        np.array(counter.truth, dtype=np.int64),
        np.array(counter.submitted, dtype=np.int64),
        counter.pairs(),
        tuple(photo.filler for photo in photos),
    )


def _outcomes_of(row: ClassRow, options: Options, counter: _Counter) -> list[int]:
    """Outcome of each option in a row."""
    nothing = counter.add(row, row.cuts[0], np.zeros(0, dtype=np.int64))
    found = []
    for cut in row.cuts:
        if not len(cut.area):
            found += [nothing] * (options.nothing // 2)
            continue
        kept = options.kept(row.class_index, cut)
        codes = np.packbits(kept, axis=1)
        _, first, inverse = np.unique(codes, axis=0, return_index=True, return_inverse=True)
        chosen = [np.flatnonzero(kept[place]) for place in first]
        numbers = np.array([counter.add(row, cut, each) if len(each) else nothing for each in chosen])
        found += numbers[inverse.ravel()].tolist()
    return [*found, nothing]


class _Counter:
    """Collects outcomes and their pairs."""

    def __init__(self) -> None:
        self.truth: list[int] = []
        self.submitted: list[int] = []
        self._outcome: list[Int64Array] = []
        self._over: list[BoolArray] = []
        self._attributes: list[BoolArray] = []
        self._probabilities: list[npt.NDArray[np.float32]] = []

    def add(self, row: ClassRow, cut: Cut, kept: Int64Array) -> int:
        """Count the garments `kept` of a cut; the number of the outcome."""
        shared, union = cut.shared[:, kept], cut.union[:, kept]
        left, right = match_pairs(shared, union)
        number = len(self.truth)
        self.truth.append(len(row.truth))
        self.submitted.append(len(kept))
        self._outcome.append(np.full(len(left), number))
        self._over.append(20 * shared[left, right, None] > TWENTIETHS * union[left, right, None])
        self._attributes.append(row.truth[left])
        self._probabilities.append(cut.probabilities[kept[right]])
        return number

    def pairs(self) -> Pairs:
        """The pairs of all outcomes."""
        if not self._outcome:
            nobody = np.zeros((0, 0), dtype=np.bool_)
            return Pairs(np.zeros(0, dtype=np.int64), nobody, nobody, nobody.astype(np.float32))
        pairs = Pairs(
            np.concatenate(self._outcome),
            np.concatenate(self._over),
            np.concatenate(self._attributes),
            np.concatenate(self._probabilities),
        )
        # A pair whose IoU is above no threshold is never a hit.
        return pairs.of(pairs.outcome, np.any(pairs.over, axis=1))
