"""A loss that is not finite, injected at one step: what is kept, what is said, and that going on is undisturbed."""

from __future__ import annotations

import csv
import json
import logging
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from imatfashion.config.schema import Config, TrainerConfig
from imatfashion.data.collate import Batch
from imatfashion.errors import FashionError
from imatfashion.models.checkpoint import load_checkpoint
from imatfashion.models.checkpoint_file import read_checkpoint
from imatfashion.tasks.classes import ClassSegmenter
from imatfashion.training.fit import fit

Make = Callable[..., Config]


def spoilt_at(*steps: int, what: str = "loss", micro_batch: int = 0) -> type[ClassSegmenter]:
    """A segmenter whose loss or gradient is not finite at some steps, and whose statistics are spoilt there too."""

    class Spoilt(ClassSegmenter):
        seen: list[Batch] = []
        calls: dict[int, int] = {}

        def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
            loss = super().training_step(batch, batch_idx)
            step = self.global_step
            self.calls[step] = self.calls.get(step, -1) + 1
            if step in steps and self.calls[step] == micro_batch:
                self.seen.append(batch)
                for buffer in self.network.buffers():
                    if buffer.is_floating_point():
                        # Past autograd, which has the statistics in its graph.
                        buffer.data.fill_(float("nan"))
                loss = loss * float("nan") if what == "loss" else InfiniteGradient.apply(loss)
            return loss

    return Spoilt


class InfiniteGradient(torch.autograd.Function):
    """The same value, with a gradient that overflows."""

    @staticmethod
    def forward(ctx: Any, value: Tensor) -> Tensor:
        return value.clone()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        return gradients[0] * float("inf")


def state(path: Path) -> dict[str, Tensor]:
    return load_checkpoint(path)[1]


def same(left: Path, right: Path) -> bool:
    one, other = state(left), state(right)
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def figures(run_dir: Path) -> list[dict[str, str]]:
    slow = ("train/images_per_second", "train/loader_wait", "train/memory_gb")
    with (run_dir / "metrics.csv").open(newline="", encoding="utf-8") as file:
        rows = [{k: v for k, v in row.items() if v and k not in slow} for row in csv.DictReader(file)]
    return [row for row in rows if len(row) > 2]


@pytest.mark.parametrize("what", ["loss", "gradient"])
@pytest.mark.parametrize("step", [2, 4], ids=["mid-epoch", "first of an epoch"])
def test_stop_keeps_the_last_good_state_and_the_batch(tiny: Make, tmp_path: Path, step: int, what: str) -> None:
    whole = fit(tiny(run_dir=str(tmp_path / "whole")))
    task = spoilt_at(step, what=what)
    said = "the loss is nan" if what == "loss" else "the gradients are not finite"
    with pytest.raises(
        FashionError, match=rf"^{said} at step {step} \(photos .*\.jpg.*nan_batch.safetensors, the last"
    ):
        fit(tiny(), task=task)
    run_dir = tmp_path / "run"
    assert read_checkpoint(run_dir / "checkpoints/last.ckpt")["global_step"] == step
    found = json.loads((run_dir / "nan_batch.json").read_text(encoding="utf-8"))
    tensors = load_file(run_dir / "nan_batch.safetensors")
    (batch,) = task.seen  # type: ignore[attr-defined]
    assert found["step"] == step
    assert len(found["photos"]) == len(batch["photo"]) == 4
    assert torch.equal(tensors["0/image"], batch["image"])
    assert torch.equal(tensors["0/labels"], batch["labels"])
    # Without the fault the run goes on as if nothing had been: nothing of the spoilt step is in the checkpoint.
    resumed = fit(tiny(resume=str(run_dir)))
    assert same(resumed.run_dir / "checkpoints/last.ckpt", whole.run_dir / "checkpoints/last.ckpt")
    assert figures(resumed.run_dir) == figures(whole.run_dir)


def test_stop_in_the_middle_of_an_accumulation(tiny: Make, tmp_path: Path) -> None:
    def config(name: str) -> Config:
        made = tiny(run_dir=str(tmp_path / name))
        made.gpu.per_device_batch = 1
        return made

    whole = fit(config("whole"))
    task = spoilt_at(2, micro_batch=2)
    with pytest.raises(FashionError, match=r"the loss is nan at step 2 \(photos [^,]*\.jpg\): "):
        fit(config("cut"), task=task)
    assert set(load_file(tmp_path / "cut/nan_batch.safetensors")) >= {"2/image", "2/regions"}
    resumed = config("cut")
    resumed.resume = resumed.run_dir
    assert same(fit(resumed).run_dir / "checkpoints/last.ckpt", whole.run_dir / "checkpoints/last.ckpt")


def test_stop_before_anything_was_trained_says_so(tiny: Make, tmp_path: Path) -> None:
    with pytest.raises(FashionError, match=r"at step 0 .*and there was no good step to save"):
        fit(tiny(), task=spoilt_at(0))
    assert not (tmp_path / "run/checkpoints/last.ckpt").exists()


def test_skip_changes_nothing_in_that_step(
    tiny: Make, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    states: list[dict[str, Tensor]] = []

    class Watched(spoilt_at(2, 5)):  # type: ignore[misc]
        def on_train_batch_end(self, *arguments: Any) -> None:
            super().on_train_batch_end(*arguments)
            states.append({name: value.clone() for name, value in self.network.state_dict().items()})

    with caplog.at_level(logging.WARNING):
        result = fit(tiny(trainer=TrainerConfig(on_nan="skip")), task=Watched)
    equal = [all(torch.equal(one[name], two[name]) for name in one) for one, two in pairwise(states)]
    # The step's own end is where the state is that of the step before.
    assert equal == [False, True, False, False, True, False, False]
    assert "left out, 1 so far; the batch is in" in caplog.text
    assert "left out, 2 so far\n" in caplog.text
    assert json.loads((tmp_path / "run/nan_batch.json").read_text())["step"] == 2
    skipped = [row["train/skipped_steps"] for row in figures(result.run_dir) if "train/skipped_steps" in row]
    assert skipped == ["1.0", "2.0"]
    assert result.score is not None


def test_too_many_in_a_row_stop_the_run(tiny: Make, tmp_path: Path) -> None:
    config = tiny(trainer=TrainerConfig(on_nan="skip"), epochs=8)
    with pytest.raises(FashionError, match=r"at step 23 .*and so it was for 20 steps before: .*schedule.rate_factor"):
        fit(config, task=spoilt_at(*range(3, 32)))
    assert all(bool(value.isfinite().all()) for value in state(tmp_path / "run/checkpoints/last.ckpt").values())


def test_the_count_goes_on_in_a_resumed_run(tiny: Make, tmp_path: Path) -> None:
    fit(tiny(trainer=TrainerConfig(on_nan="skip"), max_steps=4), task=spoilt_at(1))
    resumed = tiny(trainer=TrainerConfig(on_nan="skip"), resume=str(tmp_path / "run"))
    rows = figures(fit(resumed, task=spoilt_at(6)).run_dir)
    assert [row["train/skipped_steps"] for row in rows if "train/skipped_steps" in row][-1] == "2.0"
