"""Garments from label maps: a class's whole region, or each of its connected components."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from imatfashion.masks.box import box_of
from imatfashion.masks.runs import Runs

Numbers = npt.NDArray[np.integer]


@dataclass(frozen=True)
class FoundGarment:
    """A garment of a label map.

    Attributes:
        class_index: its class.
        runs: its mask on the map's grid.
        score: mean confidence over its pixels, 1 where no confidence was given.
        area: its pixels.
        layer: the label map it is of.
    """

    class_index: int
    runs: Runs
    score: float
    area: int
    layer: int


def garments_from_labels(
    labels_LHW: npt.NDArray[np.uint8],
    num_classes: int,
    confidence_LHW: npt.NDArray[np.float32] | None,
    *,
    component_classes: Collection[int],
    min_area: int = 0,
) -> list[FoundGarment]:
    """Cut label maps into garments.

    Args:
        labels_LHW: class index per layer and pixel, uint8 (L, H, W); `num_classes` (background) and above is nothing.
        num_classes: C.
        confidence_LHW: probability of the label, float32 (L, H, W), or None.
        component_classes: classes of which each 8-connected component is a garment; any other class is one garment.
        min_area: garments of fewer pixels are left out.

    Returns:
        The garments by layer, class and first pixel (down the columns, then to the right).
    """
    found: list[FoundGarment] = []
    for layer, labels_HW in enumerate(labels_LHW):
        confidence_HW = None if confidence_LHW is None else confidence_LHW[layer]
        ids_HW, classes = _garment_ids(labels_HW, num_classes, component_classes)
        garments = _garments(ids_HW, classes, confidence_HW, layer)
        found += sorted(garments, key=lambda garment: (garment.class_index, int(garment.runs.starts[0])))
    return [garment for garment in found if garment.area >= min_area]


def _garment_ids(
    labels_HW: npt.NDArray[np.uint8], num_classes: int, component_classes: Collection[int]
) -> tuple[Numbers, list[int]]:
    """A number for each garment's pixels (H, W), 0 for nothing; and the class of each number from 1 on."""
    counts = cv2.calcHist([labels_HW], [0], None, [256], [0, 256]).ravel()
    present = np.flatnonzero(counts[:num_classes]).tolist()
    classes = [index for index in present if index not in component_classes]
    # Components may be many; a number a class fits a byte, with which all passes take a fraction of the time.
    number_of_label: Numbers = np.zeros(256, dtype=np.uint8 if len(classes) == len(present) else np.int32)
    number_of_label[classes] = np.arange(1, len(classes) + 1)
    ids_HW: Numbers = np.asarray(cv2.LUT(labels_HW, number_of_label), dtype=number_of_label.dtype)
    for index in present:
        if index in component_classes:
            box = box_of(labels_HW == index)
            mask_hw = (labels_HW[box] == index).astype(np.uint8)
            count, parts_hw = cv2.connectedComponents(mask_hw, connectivity=8, ltype=cv2.CV_32S)
            ids_HW[box] += np.where(mask_hw > 0, parts_hw + len(classes), 0).astype(np.int32)
            classes += [index] * (count - 1)
    return ids_HW, classes


def _garments(
    ids_HW: Numbers, classes: list[int], confidence_HW: npt.NDArray[np.float32] | None, layer: int
) -> list[FoundGarment]:
    """All garments of a map in one pass over its pixels, however many there are."""
    flat: Numbers = np.asarray(cv2.transpose(ids_HW), dtype=ids_HW.dtype).ravel()
    starts = np.concatenate([[0], np.flatnonzero(flat[1:] != flat[:-1]) + 1]).astype(np.int32)
    lengths = np.diff(starts, append=np.int32(len(flat))).astype(np.int32)
    numbers = flat[starts]
    order = np.argsort(numbers, kind="stable")
    bounds = np.searchsorted(numbers[order], np.arange(1, len(classes) + 2))
    scores = _scores(ids_HW, len(classes), confidence_HW)
    garments = []
    for class_index, score, begin, end in zip(classes, scores, bounds[:-1], bounds[1:], strict=True):
        runs = Runs(starts[order[begin:end]], lengths[order[begin:end]])
        garments.append(FoundGarment(class_index, runs, score, runs.area, layer))
    return garments


def _scores(ids_HW: Numbers, count: int, confidence_HW: npt.NDArray[np.float32] | None) -> list[float]:
    if confidence_HW is None:
        return [1.0] * count
    somewhere = np.flatnonzero(ids_HW > 0)  # most pixels are background, which has no score
    numbers = ids_HW.ravel()[somewhere]
    total = np.bincount(numbers, weights=confidence_HW.ravel()[somewhere], minlength=count + 1)[1:]
    means: list[float] = (total / np.bincount(numbers, minlength=count + 1)[1:]).tolist()
    return means
