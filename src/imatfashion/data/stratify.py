"""Iterative stratification (Sechidis, Tsoumakas, Vlahavas 2011) in units that must not be torn apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]

_SLACK = 2.0
# Shares such as 0.1 are not exact in binary: what differs by rounding alone is equal.
_ROUNDING = 1e-9


@dataclass(frozen=True)
class UnitLabels:
    """How many photos of each unit have each label: sparse, one entry for each (unit, label) that occurs.

    Attributes:
        sizes: photos of each unit, int64 (U,).
        units: unit of each entry, rising, int64 (E,).
        labels: label of each entry, 0 … labels − 1, int64 (E,).
        counts: photos of the unit that have the label, int64 (E,).
    """

    sizes: IntArray
    units: IntArray
    labels: IntArray
    counts: IntArray


def count_labels(unit_of_photo: IntArray, photos: IntArray, labels: IntArray) -> UnitLabels:
    """Count the labels of each unit.

    Args:
        unit_of_photo: unit of each photo, 0 … U − 1 without gaps, int64 (N,).
        photos: photo of each (photo, label) pair, int64 (P,); a pair may repeat and counts once.
        labels: any non-negative label number of each pair, int64 (P,); they are renumbered.
    """
    sizes = np.bincount(unit_of_photo)
    names, renumbered = np.unique(labels, return_inverse=True)
    width = max(1, len(names))
    pairs = np.unique(photos * width + renumbered)
    entries, counts = np.unique(unit_of_photo[pairs // width] * width + pairs % width, return_counts=True)
    return UnitLabels(sizes.astype(np.int64), entries // width, entries % width, counts.astype(np.int64))


def stratify(labels: UnitLabels, shares: Sequence[float], seed: int) -> IntArray:
    """Deal the units out to parts so that each part gets its share of every label.

    As in the paper, the rarest label is dealt first and its units go to the part that lacks most of it. Parts that are
    within two photos of the most wanting one count as equal, and among these the unit's other labels decide: otherwise
    what is common is dealt last, from whatever the rare labels left over, and comes out no better than by lot. A part
    left empty takes the smallest unit of the fullest part.

    Args:
        labels: the units.
        shares: share of the photos that each part should get; they sum to 1.
        seed: seed of the order within a label and of the lots.

    Returns:
        Part of each unit, int64 (U,).

    Raises:
        ValueError: fewer units than parts.
    """
    if len(labels.sizes) < len(shares):
        raise ValueError(f"{len(labels.sizes)} units cannot fill {len(shares)} parts")
    dealer = _Dealer(labels, np.asarray(shares, dtype=np.float64), np.random.default_rng(seed))
    dealer.deal()
    return _fill_empty(dealer.part, labels.sizes, len(shares))


class _Dealer:
    """State of the dealing: what each part still lacks, of each label (L, K) and in photos (K,)."""

    def __init__(self, labels: UnitLabels, shares: FloatArray, rng: np.random.Generator) -> None:
        self.labels, self.shares, self.rng = labels, shares, rng
        self.part = np.full(len(labels.sizes), -1, dtype=np.int64)
        self.left = np.bincount(labels.labels, weights=labels.counts).astype(np.int64)
        self.total = self.left[:, None].astype(np.float64)
        self.lacks = self.total * shares
        self.photos = int(labels.sizes.sum())
        self.room = self.photos * shares
        self.first_entry = np.searchsorted(labels.units, np.arange(len(labels.sizes) + 1))
        by_label = np.argsort(labels.labels, kind="stable")
        self.units_of_label = np.split(labels.units[by_label], np.cumsum(np.bincount(labels.labels))[:-1])

    def deal(self) -> None:
        while (self.left > 0).any():
            rarest = int(np.argmin(np.where(self.left > 0, self.left, np.iinfo(np.int64).max)))
            units = self._in_order(self.units_of_label[rarest])
            for unit in units.tolist():
                self._give(unit, self.lacks[rarest])
            self._forget(units)
        for unit in self._in_order(np.arange(len(self.part))).tolist():
            self._give(unit, self.room)

    def _in_order(self, units: IntArray) -> IntArray:
        """The units not dealt yet, by lot, larger ones first: the small ones then even out what those upset."""
        waiting = self.rng.permutation(units[self.part[units] < 0])
        return waiting[np.argsort(-self.labels.sizes[waiting], kind="stable")]

    def _give(self, unit: int, lack: FloatArray) -> None:
        entries = slice(self.first_entry[unit], self.first_entry[unit + 1])
        labels = self.labels.labels[entries]
        part = self._neediest(lack, labels)
        self.part[unit] = part
        self.room[part] -= self.labels.sizes[unit]
        self.lacks[labels, part] -= self.labels.counts[entries]

    def _neediest(self, lack: FloatArray, labels: IntArray) -> int:
        # Ahead of or behind its share of what is left to deal, in photos.
        behind = lack - self.shares * lack.sum()
        # Where less than half a photo is due, as of a label with two photos in a fifth, none is given.
        fair = (behind > behind.max() - _SLACK) & (lack > min(0.5, lack.max()) - _ROUNDING)
        best = np.flatnonzero(fair) if fair.any() else np.flatnonzero(lack > lack.max() - _ROUNDING)
        if len(best) > 1:
            relative = (self.lacks[labels] / self.total[labels]).sum(axis=0) + self.room / self.photos
            need = (relative / self.shares)[best]
            best = best[need > need.max() - _ROUNDING]
        return int(best[0] if len(best) == 1 else self.rng.choice(best))

    def _forget(self, units: IntArray) -> None:
        dealt = np.zeros(len(self.part), dtype=np.bool_)
        dealt[units] = True
        entries = dealt[self.labels.units]
        gone = np.bincount(self.labels.labels[entries], self.labels.counts[entries], len(self.left))
        self.left -= gone.astype(np.int64)


def _fill_empty(part: IntArray, sizes: IntArray, parts: int) -> IntArray:
    for empty in np.setdiff1d(np.arange(parts), part):
        fullest = int(np.argmax(np.bincount(part, minlength=parts)))
        units = np.flatnonzero(part == fullest)
        part[units[np.argmin(sizes[units])]] = empty
    return part
