from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from sklearn.metrics import confusion_matrix as sklearn_confusion
from torchmetrics.classification import MulticlassJaccardIndex

from imatfashion.metrics.pixel import IGNORE, PixelMetric, confusion_matrix, per_class, summary

CLASSES = 4


def _maps(seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Prediction and truth (B, L, H, W): class 2 only predicted, some pixels ignored."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, CLASSES + 1, (3, 2, 8, 9)).astype(np.uint8)
    predicted = np.where(rng.random(truth.shape) < 0.5, truth, rng.integers(0, CLASSES + 1, truth.shape))
    truth[truth == 2] = CLASSES
    truth[rng.random(truth.shape) < 0.2] = IGNORE
    return torch.from_numpy(predicted), torch.from_numpy(truth)


def test_confusion_against_sklearn() -> None:
    predicted, truth = _maps()
    counted = truth != IGNORE
    wanted = sklearn_confusion(truth[counted], predicted[counted], labels=range(CLASSES + 1))
    found = confusion_matrix(predicted, truth, CLASSES)
    assert found.dtype == torch.int64
    assert np.array_equal(found.numpy(), wanted)


def test_iou_against_plain_numpy_and_torchmetrics() -> None:
    predicted, truth = (array.numpy() for array in _maps())
    counted, wanted = truth != IGNORE, []
    for index in range(CLASSES + 1):
        is_truth, is_predicted = (truth == index) & counted, (predicted == index) & counted
        union = (is_truth | is_predicted).sum()
        wanted.append((is_truth & is_predicted).sum() / union if is_truth.any() else math.nan)
    confusion = confusion_matrix(*_maps(), CLASSES)
    np.testing.assert_allclose(per_class(confusion), wanted, rtol=1e-12)
    assert summary(confusion)["miou"] == pytest.approx(np.nanmean(wanted[:-1]))
    oracle = MulticlassJaccardIndex(CLASSES + 1, average=None, ignore_index=IGNORE)
    theirs = oracle(torch.from_numpy(predicted).long(), torch.from_numpy(truth).long())
    present = ~np.isnan(wanted)
    np.testing.assert_allclose(theirs.numpy()[present], np.array(wanted)[present], rtol=1e-6)


def test_shares_of_pixels_against_plain_numpy() -> None:
    predicted, truth = (array.numpy() for array in _maps(1))
    counted = truth != IGNORE
    right, foreground = (predicted == truth)[counted], truth[counted] != CLASSES
    found = summary(confusion_matrix(*_maps(1), CLASSES))
    assert found["pixel_accuracy"] == pytest.approx(right.mean())
    assert found["foreground_accuracy"] == pytest.approx(right[foreground].mean())
    assert found["background_recall"] == pytest.approx(right[~foreground].mean())


def test_iou_is_pooled_over_batches_not_averaged() -> None:
    metric = PixelMetric(CLASSES)
    predicted, truth = _maps()
    for index in range(3):
        metric.update(predicted[index : index + 1], truth[index : index + 1])
    assert torch.equal(metric.compute(), confusion_matrix(predicted, truth, CLASSES))
    metric.reset()
    metric.update(predicted[:1], truth[:1])
    assert torch.equal(metric.compute(), confusion_matrix(predicted[:1], truth[:1], CLASSES))


def test_processes_add_up() -> None:
    predicted, truth = _maps()
    parts = [confusion_matrix(predicted[i], truth[i], CLASSES) for i in range(3)]
    metric = PixelMetric(CLASSES, dist_sync_fn=lambda state, group: parts, distributed_available_fn=lambda: True)
    metric.update(predicted[0], truth[0])
    assert torch.equal(metric.compute(), confusion_matrix(predicted, truth, CLASSES))


def test_nothing_to_judge_is_nan() -> None:
    nothing = confusion_matrix(torch.zeros(2, 2), torch.full((2, 2), IGNORE), CLASSES)
    assert nothing.shape == (CLASSES + 1, CLASSES + 1)
    assert all(math.isnan(value) for value in summary(nothing).values())


def test_a_model_that_never_says_background_is_found_out() -> None:
    truth = torch.tensor([[0, 4, 4, 4]])
    found = summary(confusion_matrix(torch.zeros_like(truth), truth, CLASSES))
    assert found["foreground_accuracy"] == 1
    assert found["background_recall"] == 0
    assert found["miou"] == 0.25


def test_faults_are_told() -> None:
    with pytest.raises(ValueError, match=r"prediction \(2,\) and truth \(3,\) differ"):
        confusion_matrix(torch.zeros(2), torch.zeros(3), CLASSES)
    with pytest.raises(ValueError, match="a label of 5 was found, the highest allowed is 4"):
        confusion_matrix(torch.tensor([5]), torch.tensor([4]), CLASSES)
    with pytest.raises(ValueError, match="a label of 9 was found"):
        confusion_matrix(torch.tensor([0, 9]), torch.tensor([0, 1]), CLASSES)
