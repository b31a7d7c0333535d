"""Average precision of garments by mask and by attributes, as pure functions.

COCO's average precision (Lin et al. 2014), with Fashionpedia's second condition (Jia et al. 2020, their evaluation
code): a garment found is right at (t, u) when a true garment of its class and photo, not taken yet, has IoU ≥ t and
attribute F1 ≥ u. Garments are taken by falling score; of several true ones that qualify, a later one replaces an
earlier one if neither its IoU nor its F1 is smaller.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from imatfashion.masks.runs import BoolArray

FloatArray = npt.NDArray[np.float64]

THRESHOLDS: FloatArray = np.linspace(0.5, 0.95, 10)
"""0.50, 0.55 … 0.95, of IoU and of F1 alike."""
ANY: FloatArray = np.array([-1.0])
"""The threshold that everything passes."""
MOST = 100
"""Garments of a class in a photo that count, by falling score, as in COCO."""

_RECALLS: FloatArray = np.linspace(0, 1, 101)
_ALMOST_ONE = 1 - 1e-10  # a threshold of 1 would miss a perfect pair by a rounding error


@dataclass(frozen=True)
class ClassPhoto:
    """A class in a photo, its found garments by falling score.

    Attributes:
        scores: float64 (D,).
        iou: with each true garment, float64 (D, G).
        f1: of the attributes, float64 (D, G).
    """

    scores: FloatArray
    iou: FloatArray
    f1: FloatArray


def attribute_f1(found: BoolArray, truth: BoolArray) -> FloatArray:
    """F1 of each pair's attributes, macro over the two labels of a 0/1 vector.

    The mean of the F1 of the attributes that a garment has and of those it has not; a label that neither vector has
    does not count (scikit-learn's `f1_score(…, average="macro")`).

    Args:
        found: bool (D, A).
        truth: bool (G, A).

    Returns:
        float64 (D, G), 0 … 1.
    """
    count = found.shape[1]
    both = found.astype(np.float64) @ truth.T.astype(np.float64)
    ones = found.sum(axis=1)[:, None] + truth.sum(axis=1)[None, :]  # 2 TP + FP + FN of the label 1
    zeros = 2 * count - ones
    neither = count - (ones - both)
    with np.errstate(invalid="ignore"):
        parts = np.stack([2 * both / ones, 2 * neither / zeros])
    present = np.stack([ones > 0, zeros > 0])
    mean: FloatArray = np.where(present, parts, 0.0).sum(axis=0) / np.maximum(present.sum(axis=0), 1)
    return mean


def match(iou: FloatArray, f1: FloatArray, iou_at: FloatArray, f1_at: FloatArray) -> BoolArray:
    """Which found garments of a photo are right at each pair of thresholds.

    Args:
        iou: float64 (D, G), found garments by falling score.
        f1: float64 (D, G).
        iou_at: thresholds (T,).
        f1_at: thresholds (U,).

    Returns:
        bool (T, U, D).
    """
    found, truth = iou.shape
    shape = (len(iou_at), len(f1_at))
    taken = np.zeros((*shape, truth), dtype=np.bool_)
    right = np.zeros((*shape, found), dtype=np.bool_)
    for d in range(found):
        least_iou = np.broadcast_to(np.minimum(iou_at, _ALMOST_ONE)[:, None], shape).copy()
        least_f1 = np.broadcast_to(np.minimum(f1_at, _ALMOST_ONE)[None, :], shape).copy()
        best = np.full(shape, -1)
        for g in range(truth):
            better = ~taken[..., g] & (iou[d, g] >= least_iou) & (f1[d, g] >= least_f1)
            best[better], least_iou[better], least_f1[better] = g, iou[d, g], f1[d, g]
        at = np.nonzero(best >= 0)
        taken[(*at, best[at])] = True
        right[..., d] = best >= 0
    return right


def class_ap(photos: Sequence[ClassPhoto], iou_at: FloatArray, f1_at: FloatArray) -> FloatArray | None:
    """Average precision of a class, interpolated at 101 recalls.

    Args:
        photos: the photos where the class is true or found.
        iou_at: thresholds (T,).
        f1_at: thresholds (U,).

    Returns:
        float64 (T, U); None where no photo has a true garment of the class.
    """
    truth = sum(photo.iou.shape[1] for photo in photos)
    if not truth:
        return None
    scores = np.concatenate([photo.scores[:MOST] for photo in photos])
    order = np.argsort(-scores, kind="stable")
    right = np.concatenate([match(p.iou[:MOST], p.f1[:MOST], iou_at, f1_at) for p in photos], axis=2)[..., order]
    if not right.shape[2]:
        return np.zeros(right.shape[:2])
    hits = right.cumsum(axis=2)
    recall = hits / truth
    precision = hits / np.arange(1, right.shape[2] + 1)
    # The best precision at this recall or a higher one.
    precision = np.maximum.accumulate(precision[..., ::-1], axis=2)[..., ::-1]
    return np.array(
        [[_interpolated(r, p) for r, p in zip(*rows, strict=True)] for rows in zip(recall, precision, strict=True)]
    )


def _interpolated(recall: FloatArray, precision: FloatArray) -> float:
    at = np.searchsorted(recall, _RECALLS, side="left")
    return float(np.where(at < len(precision), precision[np.minimum(at, len(precision) - 1)], 0.0).mean())
