"""Classes and attributes of a photo's garments, whichever table the garments come from."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from imatfashion.data.annotations import Annotations
from imatfashion.data.matching import match_garments
from imatfashion.masks.runs import BoolArray


class GarmentTargets(NamedTuple):
    """What is to be learned about a photo's garments (n), in the table's order.

    Attributes:
        table_photo: the photo's index in the table of the garments, None where that table does not have it.
        classes: class index, int64 (n,).
        attributes: bool (n, A).
        known: whether the attributes are known, bool (n,).
        missed_attributes: attributes, where known, of true garments that none of these stands for, bool (M, A).
    """

    table_photo: int | None
    classes: npt.NDArray[np.int64]
    attributes: BoolArray
    known: BoolArray
    missed_attributes: BoolArray


class TargetSource:
    """Looks targets up in the true table, or carries them over to predicted garments.

    Args:
        annotations: the table of the garments.
        truth: the true table; the same object unless the garments are predicted.
        negative: whether open attributes count as "has none" instead of unknown.
    """

    def __init__(self, annotations: Annotations, truth: Annotations, *, negative: bool) -> None:
        self._annotations, self._truth, self._negative = annotations, truth, negative
        self._predicted = annotations is not truth
        # Index of the true garment of each predicted one, and the missed ones: a few numbers a photo.
        self._matches: dict[int, tuple[npt.NDArray[np.int64], tuple[int, ...]]] = {}

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "_matches": {}}

    def of_photo(self, photo: int) -> GarmentTargets:
        """Targets of a photo, by its index in the true table."""
        if not self._predicted:
            garments = self._truth.garments(photo)
            return self._targets(photo, np.arange(garments.start, garments.stop), ())
        if photo not in self._matches:
            matched = match_garments(self._annotations, self._truth, photo)
            self._matches[photo] = (matched.truth, matched.missed)
        return self._targets(self._annotations.find(self._truth.name(photo)), *self._matches[photo])

    def none(self) -> GarmentTargets:
        """Targets of a photo without garments."""
        empty = np.zeros((0, len(self._truth.attributes)), dtype=np.bool_)
        return GarmentTargets(None, np.zeros(0, dtype=np.int64), empty, np.zeros(0, dtype=np.bool_), empty)

    def _targets(
        self, table_photo: int | None, true_garment: npt.NDArray[np.int64], missed: tuple[int, ...]
    ) -> GarmentTargets:
        if table_photo is None:
            return self.none()._replace(missed_attributes=self._missed(missed))
        garments = self._annotations.garments(table_photo)
        matched = true_garment >= 0
        attributes = np.zeros((len(garments), len(self._truth.attributes)), dtype=np.bool_)
        attributes[matched] = self._truth.garment_attributes[true_garment[matched]]
        known = matched.copy()
        known[matched] = self._negative | self._truth.garment_known[true_garment[matched]]
        classes = self._annotations.garment_class[garments.start : garments.stop].astype(np.int64)
        return GarmentTargets(table_photo, classes, attributes, known, self._missed(missed))

    def _missed(self, missed: tuple[int, ...]) -> BoolArray:
        garments = [garment for garment in missed if self._negative or self._truth.garment_known[garment]]
        return np.array(self._truth.garment_attributes[garments], dtype=np.bool_)
