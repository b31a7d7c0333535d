"""Resumed after an epoch's end, and again: the photos and the weights are those of the undisturbed run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch

from imatfashion.config.schema import Config
from imatfashion.models.checkpoint import load_checkpoint
from imatfashion.training.callbacks import LastCheckpoint
from imatfashion.training.fit import fit
from imatfashion.training.progress import Throughput

Make = Callable[..., Config]


class Killed(BaseException):
    """Stands for a SIGKILL."""


@pytest.mark.parametrize("steps", [(4,), (4, 6), (4, 8), (2, 4, 5, 8)], ids=str)
def test_killed_at_the_beginning_of_steps(
    tiny: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, steps: tuple[int, ...]
) -> None:
    whole = fit(tiny(epochs=3, run_dir=str(tmp_path / "whole")))
    for part, step in enumerate(steps):

        def hook(self: Throughput, trainer: pl.Trainer, *rest: Any, step: int = step) -> None:
            if trainer.global_step == step:
                raise Killed

        def start(self: LastCheckpoint, trainer: pl.Trainer, *rest: Any) -> None:
            self.every_steps, self.saved_step = 1, trainer.global_step

        with monkeypatch.context() as patch:
            patch.setattr(LastCheckpoint, "on_train_start", start)
            patch.setattr(Throughput, "on_train_batch_start", hook)
            with pytest.raises(Killed):
                fit(tiny(epochs=3, run_dir=str(tmp_path / "cut"), resume=str(tmp_path / "cut") if part else None))
    resumed = fit(tiny(epochs=3, run_dir=str(tmp_path / "cut"), resume=str(tmp_path / "cut")))
    one = load_checkpoint(resumed.run_dir / "checkpoints/last.ckpt")[1]
    other = load_checkpoint(whole.run_dir / "checkpoints/last.ckpt")[1]
    assert all(torch.equal(one[name], other[name]) for name in other)
    assert resumed.score == whole.score
