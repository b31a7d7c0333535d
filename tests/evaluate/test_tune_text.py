"""What a search says of itself."""

from __future__ import annotations

from typing import Any, cast

from imatfashion.data.labels import Labels
from imatfashion.evaluate.tune.crossval import Gain, Tuned
from imatfashion.evaluate.tune.write import as_text

LABELS = Labels((3, 5), ("shirt", "shoe"), ("", ""))


def text(before: float, after: float) -> str:
    gain = Gain(before, after, after - before - 0.01, after - before + 0.01, False)
    tuned = Tuned(cast(Any, None), {"score": gain}, ("score",), gain, None)
    return as_text(tuned, {"left_out": []}, LABELS, {"photos": 40, "folds": 5, "objective": "masks"})


def test_a_gain_is_given_as_a_share_too() -> None:
    said = text(0.2, 0.3)
    assert "0.2000" in said
    assert "+0.1000" in said
    assert "+50.0%" in said


def test_a_model_that_scored_nothing_has_no_share_to_gain() -> None:
    said = text(0.0, 0.3)
    assert "+0.3000" in said
    assert "%" not in said.replace("95 % interval", "")
