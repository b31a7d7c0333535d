"""Whole runs through `fit`: what they leave, and that resuming changes nothing."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch

from imatfashion.config.resume import load_config
from imatfashion.config.schema import Config, GpuConfig, LoggerConfig, PlatformConfig
from imatfashion.errors import FashionError
from imatfashion.models.checkpoint import load_checkpoint
from imatfashion.tasks.classes import ClassSegmenter
from imatfashion.training import fit as fit_module
from imatfashion.training.callbacks import LastCheckpoint
from imatfashion.training.fit import fit
from imatfashion.training.limits import OutOfTime
from imatfashion.training.progress import Throughput

Make = Callable[..., Config]


def weights(path: Path) -> dict[str, torch.Tensor]:
    return load_checkpoint(path)[1]


def rows(run_dir: Path) -> list[dict[str, str]]:
    with (run_dir / "metrics.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def figures(run_dir: Path) -> list[dict[str, str]]:
    """Rows of metrics.csv without what depends on the machine's speed."""
    slow = ("train/images_per_second", "train/loader_wait", "train/memory_gb")
    kept = [{name: value for name, value in row.items() if value and name not in slow} for row in rows(run_dir)]
    return [row for row in kept if len(row) > 2]


def same(left: Path, right: Path) -> bool:
    one, other = weights(left), weights(right)
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


class Killed(BaseException):
    """Stands for a SIGKILL: nothing that catches `Exception` sees it."""


def kill_at(monkeypatch: pytest.MonkeyPatch, step: int, *, every_steps: int = 1) -> None:
    """End the run without a word after an optimizer step; `last.ckpt` is written every `every_steps`."""
    original = LastCheckpoint.on_train_start

    def start(self: LastCheckpoint, *rest: Any) -> None:
        self.every_steps = every_steps
        original(self, *rest)

    def hook(self: Throughput, trainer: pl.Trainer, *rest: Any) -> None:
        if trainer.global_step == step:
            raise Killed

    monkeypatch.setattr(LastCheckpoint, "on_train_start", start)
    # The last step of an epoch is followed by its validation: the run ends between the two.
    monkeypatch.setattr(Throughput, "on_train_batch_end" if step % 4 == 0 else "on_train_batch_start", hook)


def test_a_run_directory_is_whole(tiny: Make, drawn: Path) -> None:
    config = tiny(logger=LoggerConfig(tensorboard=True, panels=2))
    result = fit(config)
    run_dir = result.run_dir
    assert result.best_checkpoint == run_dir / "checkpoints" / "best.ckpt"
    assert load_config(run_dir, Config) == config
    for name in ("checkpoints/last.ckpt", "split.json", "examples/best_0.jpg", "panels/epoch_000.jpg"):
        assert (run_dir / name).is_file()
    assert list((run_dir / "tensorboard").glob("events.*"))
    summary = json.loads((run_dir / "summary.json").read_text())
    assert summary["photos"] == {"train": 16, "val": 4}
    assert summary["steps"] == 8
    assert summary["best"] == pytest.approx(result.score)
    evaluation = json.loads((run_dir / "evaluation.json").read_text())
    assert evaluation["metrics"]["miou"] == pytest.approx(result.score, abs=1e-6)
    assert sum(map(sum, evaluation["confusion"])) == 4 * 64 * 64
    assert max(float(row["val/miou"]) for row in rows(run_dir) if row["val/miou"]) == pytest.approx(result.score)


def test_the_encoder_rests_while_it_is_frozen(tiny: Make) -> None:
    # One epoch, all of it frozen: the encoder's weights are those of the seed.
    config = tiny(epochs=2, max_steps=4)
    result = fit(config)
    pl.seed_everything(config.seed, verbose=False)
    fresh = ClassSegmenter(load_checkpoint(result.best_checkpoint)[0].to_json()).network.state_dict()
    trained = weights(result.best_checkpoint)
    moved = {name for name, value in trained.items() if not torch.equal(value, fresh[name])}
    parameters = dict(ClassSegmenter(load_checkpoint(result.best_checkpoint)[0].to_json()).network.named_parameters())
    assert not [name for name in moved & parameters.keys() if name.startswith("network.encoder.")]
    assert [name for name in moved & parameters.keys() if name.startswith("network.decoder.")]


@pytest.mark.parametrize(
    ("step", "precision"),
    [(2, None), (4, None), (6, None), (6, "bf16-mixed")],
    ids=["in the first epoch", "at its end", "in the second epoch", "in bfloat16"],
)
def test_killed_and_resumed_equals_undisturbed(
    tiny: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int, precision: str | None
) -> None:
    gpu = GpuConfig("cpu", precision=precision)
    whole = fit(tiny(run_dir=str(tmp_path / "whole"), gpu=gpu))
    with monkeypatch.context() as patch:
        kill_at(patch, step)
        with pytest.raises(Killed):
            fit(tiny(run_dir=str(tmp_path / "cut"), gpu=gpu))
    resumed = fit(tiny(run_dir=str(tmp_path / "cut"), resume=str(tmp_path / "cut"), gpu=gpu))
    assert resumed.score == whole.score
    assert same(resumed.run_dir / "checkpoints/last.ckpt", whole.run_dir / "checkpoints/last.ckpt")
    assert same(resumed.best_checkpoint, whole.best_checkpoint)
    assert figures(resumed.run_dir) == figures(whole.run_dir)


def test_steps_after_the_last_checkpoint_are_done_again(
    tiny: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = fit(tiny(run_dir=str(tmp_path / "whole")))
    with monkeypatch.context() as patch:
        kill_at(patch, 7, every_steps=2)
        with pytest.raises(Killed):
            fit(tiny(run_dir=str(tmp_path / "cut")))
    resumed = fit(tiny(run_dir=str(tmp_path / "cut"), resume=str(tmp_path / "cut")))
    assert figures(resumed.run_dir) == figures(whole.run_dir)


def test_killed_before_the_first_checkpoint_starts_anew(
    tiny: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        kill_at(patch, 1, every_steps=100)
        with pytest.raises(Killed):
            fit(tiny())
    assert not (tmp_path / "run/checkpoints/last.ckpt").exists()
    assert fit(tiny(resume=str(tmp_path / "run"))).score is not None


def test_accumulation_is_one_step(tiny: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = tiny(run_dir=str(tmp_path / "cut"))
    config.gpu.per_device_batch = 2
    whole_config = tiny(run_dir=str(tmp_path / "whole"))
    whole_config.gpu.per_device_batch = 2
    whole = fit(whole_config)
    assert json.loads((whole.run_dir / "summary.json").read_text())["steps"] == 8
    with monkeypatch.context() as patch:
        kill_at(patch, 3)
        with pytest.raises(Killed):
            fit(config)
    config.resume = config.run_dir
    assert same(fit(config).best_checkpoint, whole.best_checkpoint)


def test_the_time_limit_ends_in_a_checkpoint(tiny: Make, tmp_path: Path) -> None:
    with pytest.raises(OutOfTime, match=r"platform.max_hours=1e-06 is reached .* resume="):
        fit(tiny(platform=PlatformConfig(max_hours=1e-6)))
    assert (tmp_path / "run/checkpoints/last.ckpt").is_file()
    assert fit(tiny(resume=str(tmp_path / "run"))).score is not None


def test_two_runs_in_one_directory_are_refused(tiny: Make) -> None:
    fit(tiny(max_steps=1))
    with pytest.raises(FashionError, match="already holds a run"):
        fit(tiny(max_steps=1))


def test_a_larger_resolution_starts_from_a_smaller_ones_weights(tiny: Make, tmp_path: Path) -> None:
    small = fit(tiny(max_steps=2, run_dir=str(tmp_path / "small")))
    config = tiny(resolution=96, init_from=str(small.best_checkpoint), max_steps=2)
    config.schedule.phases[0].max_rate = 1e-12
    large = fit(config)
    one, other = weights(small.best_checkpoint), weights(large.best_checkpoint)
    for name in one:
        if name.endswith("weight"):
            torch.testing.assert_close(one[name], other[name], rtol=0, atol=1e-6)


def test_weights_of_another_network_are_refused(tiny: Make, tmp_path: Path) -> None:
    small = fit(tiny(max_steps=1, run_dir=str(tmp_path / "small")))
    config = tiny(init_from=str(small.best_checkpoint))
    config.model.decoder_width = 64
    with pytest.raises(FashionError, match="has decoder_width 32, this run 64"):
        fit(config)


def test_attributes_on_the_truth(tiny: Make) -> None:
    result = fit(tiny("attributes"))
    evaluation = json.loads((result.run_dir / "evaluation.json").read_text())
    assert result.score == pytest.approx(evaluation["metrics"]["map"], abs=1e-6)
    known = [row for row in evaluation["per_attribute"] if row["ap"] is not None]
    mean = sum(row["ap"] for row in known) / len(known)
    assert mean == pytest.approx(result.score, abs=1e-6)


def test_layers(tiny: Make) -> None:
    result = fit(tiny(layers=2, max_steps=2))
    assert set(load_checkpoint(result.best_checkpoint)[0].layer_of_class) == {0, 1}


def test_a_gpu_that_torch_cannot_use_is_an_error(tiny: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    config = tiny()
    config.gpu.name = "16gb"
    with pytest.raises(FashionError, match="gpu=16gb: torch cannot use a GPU here"):
        fit(config)


def test_the_weights_that_cannot_be_fetched_are_told_beforehand(tiny: Make) -> None:
    config = tiny(platform=PlatformConfig("kaggle", offline=True))
    config.model.weights = "imagenet"
    with pytest.raises(FashionError, match="platform=kaggle has no network"):
        fit(config)


def test_loggers_are_closed_when_a_run_fails(tiny: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[bool] = []
    monkeypatch.setattr(fit_module, "close_loggers", lambda loggers, *, failed: closed.append(failed))
    kill_at(monkeypatch, 1)
    with pytest.raises(Killed):
        fit(tiny())
    assert closed == [True]


@pytest.mark.parametrize("step", [1, 3, 6])
def test_killed_between_a_checkpoint_and_its_figures(
    tiny: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    """The loggers get a step's figures only after its checkpoint."""
    whole = fit(tiny(run_dir=str(tmp_path / "whole")))

    def killed(self: LastCheckpoint, trainer: pl.Trainer) -> None:
        save(self, trainer)
        if trainer.global_step == step:
            raise Killed

    save = LastCheckpoint.save
    with monkeypatch.context() as patch:
        patch.setattr(LastCheckpoint, "save", killed)
        with pytest.raises(Killed):
            fit(tiny(run_dir=str(tmp_path / "cut"), checkpoint_minutes=1e-6))
    resumed = fit(tiny(run_dir=str(tmp_path / "cut"), resume=str(tmp_path / "cut")))
    assert figures(resumed.run_dir) == figures(whole.run_dir)
