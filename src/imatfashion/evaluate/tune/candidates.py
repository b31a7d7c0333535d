"""The validation photos predicted once: every garment of either cut, measured against the truth of its photo.

Shape suffixes in comments: n true garments and m found ones of a class in a photo, A the truth's attributes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from imatfashion.masks.runs import BoolArray, Runs
from imatfashion.metrics.competition import TWENTIETHS, ClassHits, Int64Array, PhotoGarments, overlaps
from imatfashion.predict.garments import FoundGarment

FILLER_RUNS = Runs(np.zeros(1, dtype=np.int32), np.ones(1, dtype=np.int32))
FILLER_CLASS = 23
"""The customary row of a photo without garments: the grid's first pixel as class id 23."""


class Described(NamedTuple):
    """Garments of one cut of a photo and their attribute probabilities, float32 (m, A), −1 for what they can't have."""

    garments: Sequence[FoundGarment]
    probabilities: npt.NDArray[np.float32]


@dataclass(frozen=True)
class Cut:
    """A class's found garments in a photo, in the order of a submission's rows.

    Attributes:
        area: pixels of the grid, int64 (m,).
        score: mean probability of the class, float64 (m,).
        shared: pixels in common with each true garment, int64 (n, m).
        union: pixels that either covers, int64 (n, m).
        probabilities: of each attribute, float32 (m, A); −1 where the class cannot have it.
    """

    area: Int64Array
    score: npt.NDArray[np.float64]
    shared: Int64Array
    union: Int64Array
    probabilities: npt.NDArray[np.float32]


@dataclass(frozen=True)
class ClassRow:
    """A class in a photo.

    Attributes:
        photo: number of the photo, in the order of the tuned ones.
        class_index: the class.
        truth: attribute sets of its true garments, bool (n, A).
        cuts: its found garments, the class's whole region as one garment and each component as one.
    """

    photo: int
    class_index: int
    truth: BoolArray
    cuts: tuple[Cut, Cut]


class MeasuredPhoto(NamedTuple):
    """A photo's classes, and what a filler row in it would count."""

    rows: list[ClassRow]
    filler: ClassHits


def measure(number: int, truth: PhotoGarments, class_ids: Sequence[int], cuts: Sequence[Described]) -> MeasuredPhoto:
    """Measure the garments that were found in a photo.

    Args:
        number: number of the photo.
        truth: its true garments on the grid, by class id.
        class_ids: id of each class index.
        cuts: what was found, by regions and by components.
    """
    of_id = {class_id: index for index, class_id in enumerate(class_ids)}
    present = {of_id[int(class_id)] for class_id in truth.classes}
    present |= {garment.class_index for cut in cuts for garment in cut.garments}
    rows = []
    for index in sorted(present):
        true = np.flatnonzero(truth.classes == class_ids[index])
        masks = [truth.runs[garment] for garment in true.tolist()]
        regions, components = (_cut(index, cut, masks) for cut in cuts)
        rows.append(ClassRow(number, index, truth.attributes[true], (regions, components)))
    return MeasuredPhoto(rows, _filler(truth))


def _cut(class_index: int, cut: Described, truth: Sequence[Runs]) -> Cut:
    mine = [number for number, garment in enumerate(cut.garments) if garment.class_index == class_index]
    garments = [cut.garments[number] for number in mine]
    shared, union = overlaps(truth, [garment.runs for garment in garments])
    return Cut(
        np.array([garment.area for garment in garments], dtype=np.int64),
        np.array([garment.score for garment in garments], dtype=np.float64),
        shared,
        union,
        cut.probabilities[mine],
    )


def _filler(truth: PhotoGarments) -> ClassHits:
    true = np.flatnonzero(truth.classes == FILLER_CLASS)
    hits = np.zeros((2, len(TWENTIETHS)), dtype=np.int64)
    shared, union = overlaps([truth.runs[garment] for garment in true.tolist()], [FILLER_RUNS])
    if len(true):
        best = int((shared[:, 0] / union[:, 0]).argmax())
        over = 20 * shared[best, 0] > TWENTIETHS * union[best, 0]
        hits[0] = over & ~truth.attributes[true[best]].any()
        hits[1] = over
    return ClassHits(FILLER_CLASS, len(true), 1, hits)


def as_regions(garments: Sequence[FoundGarment]) -> list[FoundGarment]:
    """Components joined again: one garment for each class of each layer."""
    groups: dict[tuple[int, int], list[FoundGarment]] = {}
    for garment in garments:
        groups.setdefault((garment.layer, garment.class_index), []).append(garment)
    return [_joined(group) if len(group) > 1 else group[0] for _, group in sorted(groups.items())]


def _joined(group: Sequence[FoundGarment]) -> FoundGarment:
    starts = np.concatenate([garment.runs.starts for garment in group])
    lengths = np.concatenate([garment.runs.lengths for garment in group])
    order = np.argsort(starts)
    area = sum(garment.area for garment in group)
    score = sum(garment.score * garment.area for garment in group) / area
    return FoundGarment(group[0].class_index, Runs(starts[order], lengths[order]), score, area, group[0].layer)
