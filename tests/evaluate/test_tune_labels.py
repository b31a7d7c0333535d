"""What a network expects of its classes, and what labels by it gain, against sklearn."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.metrics import jaccard_score

from imatfashion.evaluate.tune.miou import Sampled, expect, mean_iou
from imatfashion.predict.for_iou import ExpectedIoU, gains

CLASSES = 4


def honest(photos: int, seed: int) -> Sampled:
    """Photos whose labels are drawn from the probabilities that are told of them; the last classes are rare."""
    rng = np.random.default_rng(seed)
    common = rng.dirichlet([0.6, 0.3, 0.1, 0.02, 1.0], size=(photos, 1, 24, 24)).astype(np.float16)
    given = common.astype(np.float64) / common.astype(np.float64).sum(axis=-1, keepdims=True)
    drawn = (given.cumsum(axis=-1) > rng.random(given.shape[:-1])[..., None]).argmax(axis=-1)
    return Sampled(torch.from_numpy(np.moveaxis(common, -1, 2).copy()), torch.from_numpy(drawn.astype(np.uint8)))


def labels_of(sampled: Sampled, expected: ExpectedIoU | None) -> np.ndarray:
    probabilities = sampled.probabilities.float().flatten(0, 1)
    worth = probabilities if expected is None else gains(probabilities, expected)
    return np.asarray(worth.argmax(dim=1).numpy())


def judged(sampled: Sampled, labels: np.ndarray) -> np.ndarray:
    """Each class's IoU, by sklearn."""
    truth = sampled.truth.numpy().ravel()
    found: np.ndarray = jaccard_score(truth, labels.ravel(), labels=range(CLASSES), average=None)
    return found


def test_honest_probabilities_know_their_iou_and_gain_by_it() -> None:
    sampled, others = honest(40, seed=0), honest(40, seed=1)
    expected = expect(sampled, np.arange(40))
    labels = labels_of(sampled, expected)
    np.testing.assert_allclose(judged(sampled, labels), expected.iou, atol=0.02)
    # Photos that had no say.
    likeliest, for_iou = (judged(others, labels_of(others, each)) for each in (None, expected))
    assert for_iou.mean() > likeliest.mean() + 0.02
    assert for_iou[3] > likeliest[3]


def test_a_class_that_is_nowhere_must_be_sure_elsewhere() -> None:
    sampled = honest(8, seed=0)
    nothing = sampled.probabilities.clone()
    nothing[:, :, 3] = 0
    expected = expect(Sampled(nothing, sampled.truth), np.arange(8))
    assert expected.iou[3] == 1
    assert expected.union[3] == pytest.approx(1 / (8 * 24 * 24))
    elsewhere = torch.zeros(1, 5, 1, 5)
    elsewhere[0, 3, 0] = torch.tensor([1e-10, 1e-5, 0.3, 0.49, 0.51])
    elsewhere[0, 4] = 1 - elsewhere[0, 3]
    assert gains(elsewhere, expected).argmax(dim=1).flatten().tolist() == [4, 4, 4, 4, 3]


@pytest.mark.parametrize("seed", range(4))
def test_the_mean_is_over_classes_that_the_truth_has(seed: int) -> None:
    rng = np.random.default_rng(seed)
    truth, found = rng.integers(0, 4, 500), rng.integers(0, 5, 500)
    truth[truth == seed] = 4  # background
    counts = [[((truth == c) & (found == c)).sum(), (truth == c).sum(), (found == c).sum()] for c in range(4)]
    there = [index for index in range(4) if index != seed]
    wanted = jaccard_score(truth, found, labels=there, average="macro")
    assert mean_iou(np.array(counts, dtype=np.float64)) == pytest.approx(wanted)
    assert mean_iou(np.array([counts] * 3, dtype=np.float64)).tolist() == pytest.approx([wanted] * 3)
    assert mean_iou(np.zeros((4, 3))) == 0
