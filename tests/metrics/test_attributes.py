from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from imatfashion.metrics.attribute_scores import attribute_scores
from imatfashion.metrics.attributes import AttributeMetric


def _garments() -> tuple[Tensor, Tensor, Tensor]:
    torch.manual_seed(0)
    return torch.rand(40, 3), torch.rand(40, 3) < 0.3, torch.rand(40) < 0.8


def test_batches_add_up() -> None:
    scores, targets, known = _garments()
    metric = AttributeMetric(3)
    for part in (slice(0, 10), slice(10, 10), slice(10, 40)):
        metric.update(scores[part], targets[part], known[part])
    wanted = attribute_scores(scores.numpy(), targets.numpy(), known.numpy())
    assert metric.compute() == pytest.approx(wanted.macro())
    np.testing.assert_equal(metric.per_attribute(), wanted.rows())
    metric.reset()
    metric.update(scores[:0], targets[:0], known[:0])
    assert math.isnan(metric.compute()["map"])


def test_missed_garments_are_false_negatives_whatever_the_threshold() -> None:
    metric = AttributeMetric(2, threshold=0.0)
    metric.update(torch.tensor([[0.9, 0.1], [0.2, 0.3]]), torch.tensor([[True, False]] * 2), torch.tensor([True, True]))
    metric.update_missed(torch.tensor([[True, True], [True, False]]))
    first, second = metric.per_attribute()
    assert (first["positives"], first["recall"], first["ap"]) == (4, 0.5, 0.5)
    assert (second["positives"], second["recall"], second["ap"]) == (1, 0.0, 0.0)


def test_known_pair_by_pair() -> None:
    metric = AttributeMetric(2)
    known = torch.tensor([[True, False], [True, True]])
    metric.update(torch.full((2, 2), 0.7).bfloat16(), torch.ones(2, 2, dtype=torch.bool), known)
    assert [row["positives"] for row in metric.per_attribute()] == [2, 1]


def test_processes_add_up_though_one_saw_nothing() -> None:
    scores, targets, known = _garments()
    others = AttributeMetric(3)
    others.update(scores[20:], targets[20:], known[20:])
    sent = iter([others.scores[0], others.targets[0]])
    metric = AttributeMetric(
        3,
        # What torchmetrics gathers: this process's state, one that saw nothing, and another's.
        dist_sync_fn=lambda state, group: [state, torch.tensor([]), next(sent)],
        distributed_available_fn=lambda: True,
    )
    metric.update(scores[:20], targets[:20], known[:20])
    wanted = attribute_scores(scores.numpy(), targets.numpy(), known.numpy())
    assert metric.compute() == pytest.approx(wanted.macro())


def test_states_are_of_one_kind_in_every_process() -> None:
    # torchmetrics sends an empty one-dimensional float tensor for a process that saw nothing.
    metric = AttributeMetric(3)
    metric.update(*(part.to(torch.float16) if part.is_floating_point() else part for part in _garments()))
    for state in (*metric.scores, *metric.targets):
        assert state.ndim == 1
        assert state.dtype == torch.float32


def test_shapes_that_do_not_fit_are_told() -> None:
    with pytest.raises(ValueError, match=r"scores and targets are \(4, 2\) and \(4, 2\), both must be \(G, 3\)"):
        AttributeMetric(3).update(torch.rand(4, 2), torch.rand(4, 2) > 0.5, torch.ones(4, dtype=torch.bool))
