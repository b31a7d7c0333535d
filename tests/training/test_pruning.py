"""A run that a sweep finds hopeless: stopped after an epoch, with a state that goes on as if nothing had been."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import pytest

from imatfashion.config.pruning import Pruned, current_judge, judged_by
from imatfashion.config.schema import Config
from imatfashion.models.checkpoint_file import read_checkpoint
from imatfashion.training.fit import fit

Make = Callable[..., Config]


class Judge:
    """Finds a run hopeless after so many epochs, and remembers what it was told."""

    def __init__(self, epochs: int) -> None:
        self.epochs = epochs
        self.told: list[tuple[int, float]] = []

    def __call__(self, epochs: int, value: float) -> str | None:
        self.told.append((epochs, value))
        return "it is a bad one" if epochs == self.epochs else None


def figures(run_dir: Path, name: str) -> list[float]:
    with (run_dir / "metrics.csv").open(newline="", encoding="utf-8") as file:
        return [float(row[name]) for row in csv.DictReader(file) if row[name]]


def test_a_hopeless_run_is_stopped_after_its_epoch_and_can_go_on(tiny: Make, tmp_path: Path) -> None:
    judge, run_dir = Judge(2), tmp_path / "run"
    said = rf"^stopped early with val/miou [\d.]+: it is a bad one; the state is saved; .* resume={run_dir}$"
    with judged_by(judge), pytest.raises(Pruned, match=said):
        fit(tiny(epochs=3))
    assert judge.told == list(zip([1, 2], figures(run_dir, "val/miou"), strict=True))
    assert read_checkpoint(run_dir / "checkpoints/last.ckpt")["global_step"] == 8
    # By hand it goes on, and nobody is asked.
    assert current_judge() is None
    fit(tiny(epochs=3, resume=str(run_dir)))
    whole = fit(tiny(epochs=3, run_dir=str(tmp_path / "whole"))).run_dir
    assert len(figures(whole, "train/loss")) == 12
    for name in ("train/loss", "val/miou"):
        assert figures(run_dir, name) == figures(whole, name)


def test_a_run_that_is_hopeless_at_its_end_has_ended(tiny: Make) -> None:
    judge = Judge(2)
    with judged_by(judge):
        assert fit(tiny()).score == max(value for _, value in judge.told)
