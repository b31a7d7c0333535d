"""Average precision of garments against scikit-learn and against loops over single thresholds."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from sklearn.metrics import f1_score

from imatfashion.metrics.garment_ap import ANY, THRESHOLDS, ClassPhoto, attribute_f1, class_ap, match


@pytest.mark.parametrize("chance", [0.0, 0.1, 0.5, 1.0])
def test_attribute_f1_is_sklearns_macro_over_the_two_labels(chance: float):
    rng = np.random.default_rng(0)
    found, truth = rng.random((6, 9)) < chance, rng.random((5, 9)) < rng.choice([0.0, 0.3, 1.0], size=(5, 1))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = [[f1_score(t, f, average="macro") for t in truth] for f in found]
    assert attribute_f1(found, truth) == pytest.approx(np.array(expected), abs=1e-12)


def matched_by_loops(iou: np.ndarray, f1: np.ndarray, least_iou: float, least_f1: float) -> list[bool]:
    taken: set[int] = set()
    right = []
    for d in range(len(iou)):
        best, at_iou, at_f1 = None, least_iou, least_f1
        for g in range(iou.shape[1]):
            if g not in taken and iou[d, g] >= at_iou and f1[d, g] >= at_f1:
                best, at_iou, at_f1 = g, iou[d, g], f1[d, g]
        if best is not None:
            taken.add(best)
        right.append(best is not None)
    return right


def test_matching_at_all_thresholds_is_matching_at_each():
    rng = np.random.default_rng(1)
    for _ in range(30):
        shape = tuple(rng.integers(0, 6, size=2))
        iou, f1 = rng.random(shape).round(1), rng.random(shape).round(1)
        at = np.array([0.3, 0.5, 0.8])
        right = match(iou, f1, at, np.append(at, ANY))
        for t, least_iou in enumerate(at):
            for u, least_f1 in enumerate([*at, -1.0]):
                assert right[t, u].tolist() == matched_by_loops(iou, f1, least_iou, least_f1)


def test_precision_by_hand():
    """Found: right, wrong, right, of three true ones: precision 1 up to recall 1/3, then 2/3 up to 2/3, then 0."""
    iou = np.array([[0.9, 0, 0], [0, 0, 0], [0, 0.9, 0]])
    ap = class_ap([ClassPhoto(np.array([0.9, 0.8, 0.7]), iou, np.ones((3, 3)))], np.array([0.5]), ANY)
    assert ap is not None
    assert ap[0, 0] == pytest.approx((34 * 1 + 33 * 2 / 3) / 101)


def test_a_class_without_truth_has_no_precision_and_one_not_found_has_0():
    nothing = np.zeros((1, 0))
    assert class_ap([ClassPhoto(np.array([0.9]), nothing, nothing)], THRESHOLDS, ANY) is None
    missed = class_ap([ClassPhoto(np.zeros(0), np.zeros((0, 2)), np.zeros((0, 2)))], THRESHOLDS, ANY)
    assert missed is not None
    assert missed.shape == (10, 1)
    assert not missed.any()
