"""The best checkpoint of a run directory that was moved, or whose validation judges nothing."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from pytorch_lightning.callbacks import ModelCheckpoint

from imatfashion.config.schema import Config
from imatfashion.models.checkpoint_file import read_checkpoint
from imatfashion.tasks.classes import ClassSegmenter
from imatfashion.training.best import BestCheckpoint
from imatfashion.training.fit import fit

Make = Callable[..., Config]


class Worsening(ClassSegmenter):
    """A segmenter that is best after its first epoch."""

    def on_validation_epoch_end(self) -> None:
        self.log("val/miou", 1.0 / self.global_step)
        self.metric.reset()


def step_of(checkpoint: Path) -> int:
    return int(read_checkpoint(checkpoint)["global_step"])


@pytest.mark.parametrize("way", [shutil.move, shutil.copytree], ids=["moved", "copied"])
def test_the_best_checkpoint_comes_along(tiny: Make, tmp_path: Path, way: Callable[..., object]) -> None:
    first = fit(tiny(epochs=3, max_steps=8), task=Worsening)
    assert first.score == pytest.approx(1 / 4)
    there = tmp_path / "there" / "run"
    there.parent.mkdir()
    way(first.run_dir, there)
    result = fit(tiny(epochs=3, resume=str(there), run_dir=str(there)), task=Worsening)
    assert step_of(there / "checkpoints/last.ckpt") == 12
    # The third epoch is worse than the first, which was judged in the old place.
    assert result.best_checkpoint == there / "checkpoints/best.ckpt"
    assert (result.score, step_of(result.best_checkpoint)) == (pytest.approx(1 / 4), 4)
    if first.run_dir.exists():
        assert step_of(first.run_dir / "checkpoints/last.ckpt") == 8


def test_a_finished_run_that_was_moved_ends_as_it_did(tiny: Make, tmp_path: Path) -> None:
    first = fit(tiny(), task=Worsening)
    there = tmp_path / "moved"
    shutil.move(first.run_dir, there)
    result = fit(tiny(resume=str(there), run_dir=str(there)), task=Worsening)
    assert result.best_checkpoint == there / "checkpoints/best.ckpt"
    assert (result.score, result.figures) == (first.score, pytest.approx(first.figures))
    assert not first.run_dir.exists()


def test_every_path_of_the_state_is_rewritten(tmp_path: Path) -> None:
    old, new = BestCheckpoint(tmp_path / "old", "val/miou", "max"), BestCheckpoint(tmp_path / "new", "val/miou", "max")
    best = f"{old.dirpath}/best.ckpt"
    old.best_model_path = old.kth_best_model_path = best
    old.last_model_path = f"{old.dirpath}/last.ckpt"
    old.best_model_score = old.kth_value = old.current_score = torch.tensor(0.5)
    old.best_k_models = {best: torch.tensor(0.5)}
    state = old.state_dict()
    new.load_state_dict(state)
    here = f"{new.dirpath}/best.ckpt"
    assert (new.best_model_path, new.kth_best_model_path) == (here, here)
    assert new.last_model_path == f"{new.dirpath}/last.ckpt"
    assert new.best_k_models == {here: torch.tensor(0.5)}
    assert new.best_model_score == new.kth_value == torch.tensor(0.5)
    # What was given is not changed.
    assert state == old.state_dict()


def test_a_state_without_a_best_has_no_path(tmp_path: Path) -> None:
    new = BestCheckpoint(tmp_path / "new", "val/miou", "max")
    new.load_state_dict(BestCheckpoint(tmp_path / "old", "val/miou", "max").state_dict())
    assert (new.best_model_path, new.kth_best_model_path, new.last_model_path) == ("", "", "")
    assert (new.best_k_models, new.best_model_score) == ({}, None)


def test_checkpoints_of_lightnings_own_class_are_gone_on_with(tmp_path: Path) -> None:
    lightnings = ModelCheckpoint(tmp_path, "best", monitor="val/miou", mode="max", save_on_train_epoch_end=False)
    assert BestCheckpoint(tmp_path, "val/miou", "max").state_key == lightnings.state_key
