from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, precision_recall_fscore_support

from imatfashion.metrics.attribute_scores import attribute_scores, average_precision


@given(st.lists(st.tuples(st.integers(0, 6), st.booleans()), min_size=1, max_size=40))
def test_average_precision_against_sklearn_with_ties(pairs: list[tuple[int, bool]]) -> None:
    scores, targets = np.array([s / 7 for s, _ in pairs]), np.array([t for _, t in pairs])
    if targets.any():
        assert average_precision(scores, targets) == pytest.approx(average_precision_score(targets, scores))
    else:
        assert math.isnan(average_precision(scores, targets))


def test_missed_garments_lower_recall_alone() -> None:
    rng = np.random.default_rng(0)
    scores, targets = rng.random(30), rng.random(30) < 0.4
    with_missed = average_precision(np.append(scores, [-np.inf] * 6), np.append(targets, [True] * 5 + [False]))
    share = targets.sum() / (targets.sum() + 5)
    assert with_missed == pytest.approx(average_precision_score(targets, scores) * share)
    assert average_precision(np.full(3, -np.inf), np.ones(3, dtype=bool)) == 0


def test_a_score_that_is_nan_is_told() -> None:
    with pytest.raises(ValueError, match="1 of 2 scores are NaN"):
        average_precision(np.array([0.1, np.nan]), np.array([True, False]))


def _garments(seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    scores, targets = rng.random((60, 5)), rng.random((60, 5)) < np.array([0.5, 0.2, 0.0, 1.0, 0.3])
    scores[:, 4] = 0.1  # never predicted
    return scores, targets, rng.random(60) < 0.7


def test_figures_against_sklearn() -> None:
    scores, targets, known = _garments()
    found = attribute_scores(scores, targets, known, threshold=0.4)
    precision, recall, f1, positives = precision_recall_fscore_support(
        targets[known], scores[known] >= 0.4, average=None, zero_division=np.nan
    )
    np.testing.assert_allclose(found.precision, precision)
    np.testing.assert_allclose(found.recall, recall)
    np.testing.assert_allclose(found.f1[positives > 0], f1[positives > 0])
    np.testing.assert_allclose(found.prevalence, targets[known].mean(0))
    assert found.positives.tolist() == positives.tolist()
    for attribute in (0, 1, 3, 4):
        wanted = average_precision_score(targets[known, attribute], scores[known, attribute])
        assert found.ap[attribute] == pytest.approx(wanted)


def test_means_are_over_attributes_with_a_positive_and_a_negative() -> None:
    found = attribute_scores(*_garments())
    macro, judged = found.macro(), [0, 1, 4]
    assert macro["map"] == pytest.approx(found.ap[judged].mean())
    assert macro["macro_f1"] == pytest.approx(found.f1[judged].mean())
    assert macro["prevalence"] == pytest.approx(found.prevalence[judged].mean())
    nothing = attribute_scores(np.zeros((0, 3)), np.zeros((0, 3), dtype=bool), np.zeros(0, dtype=bool))
    assert all(math.isnan(value) for value in nothing.macro().values())


def test_unknown_garments_change_nothing() -> None:
    scores, targets, known = _garments()
    kept = attribute_scores(scores[known], targets[known], np.ones(known.sum(), dtype=bool))
    found = attribute_scores(np.where(known[:, None], scores, 0.99), targets | ~known[:, None], known)
    np.testing.assert_equal(found.rows(), kept.rows())
    by_pair = attribute_scores(scores, targets, np.repeat(known[:, None], 5, axis=1))
    np.testing.assert_equal(by_pair.rows(), kept.rows())


def test_rows_are_plain_numbers_for_json() -> None:
    row = attribute_scores(*_garments()).rows()[2]
    assert row["index"] == 2
    assert {type(value) for value in row.values()} == {int, float}
    assert math.isnan(row["ap"])
