"""Which true garment a predicted one stands for, so that it can be given attributes."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from imatfashion.data.annotations import Annotations
from imatfashion.masks.paint import Sampler
from imatfashion.masks.runs import BoolArray, decode_runs
from imatfashion.masks.view import nearest

_ENOUGH = 0.5


class Matched(NamedTuple):
    """Match of a photo's garments, by index in their tables.

    Attributes:
        predicted: the predicted garments of the photo (n).
        truth: the true garment of each, int64 (n,), −1 for none.
        missed: the true garments that no predicted one stands for.
    """

    predicted: range
    truth: npt.NDArray[np.int64]
    missed: tuple[int, ...]


def match_garments(predicted: Annotations, truth: Annotations, truth_photo: int) -> Matched:
    """Match each predicted garment to the true one of its class with the highest IoU, if above 0.5.

    IoU is taken on the prediction's grid, the truth sampled at the nearest pixel centres. Several predicted garments
    may stand for one true garment.

    Args:
        predicted: the predicted table; photos join by name.
        truth: the true table, with the same classes.
        truth_photo: the photo's index in the true table.

    Returns:
        The match; a photo that the predicted table does not have has all its garments missed.
    """
    true_garments = truth.garments(truth_photo)
    photo = predicted.find(truth.name(truth_photo))
    if photo is None:
        return Matched(range(0), np.zeros(0, dtype=np.int64), tuple(true_garments))
    garments = predicted.garments(photo)
    iou = _iou(predicted, photo, truth, truth_photo)
    best = np.full(len(garments), -1, dtype=np.int64)
    if iou.size:
        column = iou.argmax(axis=1)
        good = iou[np.arange(len(garments)), column] > _ENOUGH
        best[good] = true_garments.start + column[good]
    return Matched(garments, best, tuple(sorted(set(true_garments) - set(best.tolist()))))


def _iou(predicted: Annotations, photo: int, truth: Annotations, truth_photo: int) -> npt.NDArray[np.float64]:
    """IoU of each pair, float64 (n, m); 0 where the classes differ."""
    garments, true_garments = predicted.garments(photo), truth.garments(truth_photo)
    iou = np.zeros((len(garments), len(true_garments)))
    if not iou.size:
        return iou
    same = (
        predicted.garment_class[garments.start : garments.stop, None]
        == truth.garment_class[None, true_garments.start : true_garments.stop]
    )
    height, width = predicted.size(photo)
    true_height, true_width = truth.size(truth_photo)
    sampler = Sampler(true_height, true_width, nearest(true_height, height), nearest(true_width, width))
    for column in np.flatnonzero(same.any(axis=0)).tolist():
        true_mask = sampler.sample(truth.runs(true_garments[column]))
        for row in np.flatnonzero(same[:, column]).tolist():
            iou[row, column] = _pair_iou(decode_runs(predicted.runs(garments[row]), height, width), true_mask)
    return iou


def _pair_iou(first: BoolArray, second: BoolArray) -> float:
    common = np.count_nonzero(first & second)
    union = np.count_nonzero(first) + np.count_nonzero(second) - common
    return common / union if union else 0.0
