"""Out of memory, injected above a batch size: the sentence, and going on with a smaller batch."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from imatfashion.config.schema import Config, TrainerConfig
from imatfashion.data.collate import Batch
from imatfashion.models.checkpoint_file import read_checkpoint
from imatfashion.tasks.classes import ClassSegmenter
from imatfashion.training.fit import fit
from imatfashion.training.memory import OutOfMemory

Make = Callable[..., Config]
ERRORS = {
    "GPU": torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
    "host": RuntimeError("[enforce fail at alloc_cpu.cpp:121] . DefaultCPUAllocator: can't allocate memory: you tried"),
    "oneDNN": RuntimeError("could not create a primitive"),
    "Python": MemoryError(),
}


def holds(photos: int, *, error: BaseException | None = None, from_step: int = 0) -> type[ClassSegmenter]:
    """A segmenter whose device holds so many photos from a step on."""

    class Small(ClassSegmenter):
        tried: list[int] = []

        def forward(self, image_BCHW: Tensor) -> Tensor:
            if self.training:
                self.tried.append(len(image_BCHW))
                step = self.global_step if self._trainer is not None else from_step
                if len(image_BCHW) > photos and step >= from_step:
                    # What the failed step did to the statistics must not be saved.
                    for buffer in self.network.buffers():
                        if buffer.is_floating_point():
                            buffer.fill_(float("nan"))
                    raise error or ERRORS["GPU"]
            return super().forward(image_BCHW)

    return Small


def steps(run_dir: Path, figure: str) -> list[int]:
    with (run_dir / "metrics.csv").open(newline="", encoding="utf-8") as file:
        return [int(row["step"]) for row in csv.DictReader(file) if row.get(figure)]


@pytest.mark.parametrize("kind", ERRORS)
def test_the_sentence_names_the_batch_that_fits(tiny: Make, tmp_path: Path, kind: str) -> None:
    task = holds(1, error=ERRORS[kind])
    where = "the GPU" if kind == "GPU" else "this machine"
    said = (
        rf"^{where} is out of memory at 64 × 64 pixels with gpu.per_device_batch=4, 1 fits, as was tried \(4 "
        rf"accumulated, batch_size=4 stays\); go on with: python train.py resume={tmp_path}/run gpu.per_device_batch=1 "
    )
    with pytest.raises(OutOfMemory, match=said):
        fit(tiny(), task=task)
    # The run's own batch, then each divisor until one fits.
    assert task.tried == [4, 2, 1]  # type: ignore[attr-defined]


def test_nothing_fits(tiny: Make) -> None:
    with pytest.raises(OutOfMemory, match="no smaller one fits: lower resolution="):
        fit(tiny(), task=holds(0))


def test_the_advice_works(tiny: Make, tmp_path: Path) -> None:
    with pytest.raises(OutOfMemory):
        fit(tiny(), task=holds(2))
    config = tiny(resume=str(tmp_path / "run"))
    config.gpu.per_device_batch = 2
    result = fit(config, task=holds(2))
    assert steps(result.run_dir, "train/loss") == list(range(8))


@pytest.mark.parametrize("from_step", [0, 2, 3, 4], ids=["at once", "mid-epoch", "last of an epoch", "next epoch"])
def test_shrink_goes_on_with_every_step_once(
    tiny: Make, tmp_path: Path, caplog: pytest.LogCaptureFixture, from_step: int
) -> None:
    config = tiny(trainer=TrainerConfig(on_memory="shrink"))
    result = fit(config, task=holds(1, from_step=from_step))
    assert "gpu.per_device_batch=4, 2 is tried (2 accumulated, batch_size=4 stays): going on" in caplog.text
    assert "gpu.per_device_batch=2, 1 is tried (4 accumulated, batch_size=4 stays): going on" in caplog.text
    assert "not the same run bit for bit" in caplog.text
    summary = json.loads((result.run_dir / "summary.json").read_text(encoding="utf-8"))
    assert (summary["settings"]["micro_batch"], summary["settings"]["accumulate"]) == (1, 4)
    # Every optimizer step once, and a validation after each epoch.
    assert summary["steps"] == 8
    assert steps(result.run_dir, "train/loss") == list(range(8))
    assert steps(result.run_dir, "val/miou") == [3, 7]
    content = read_checkpoint(result.run_dir / "checkpoints/last.ckpt")["state_dict"]
    assert all(bool(value.isfinite().all()) for value in content.values())


def test_a_step_is_lost_only_where_it_had_not_ended(tiny: Make, tmp_path: Path) -> None:
    with pytest.raises(OutOfMemory):
        fit(tiny(), task=holds(2, from_step=3))
    assert read_checkpoint(tmp_path / "run/checkpoints/last.ckpt")["global_step"] == 3


def test_another_fault_is_not_taken_for_it(tiny: Make) -> None:
    with pytest.raises(RuntimeError, match="of the network's own"):
        fit(tiny(), task=holds(1, error=RuntimeError("a fault of the network's own")))


class Photos(ClassSegmenter):
    """Notes which photos each step sees."""

    seen: dict[int, set[int]] = {}

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        self.seen.setdefault(self.global_step, set()).update(batch["photo"].tolist())
        return super().training_step(batch, batch_idx)


@pytest.mark.parametrize("cut_at", [3, 4], ids=["mid-epoch", "after an epoch"])
@pytest.mark.parametrize("batches", [(4, 4), (4, 2), (1, 4), (2, 1)], ids=str)
def test_a_run_resumed_with_another_batch_sees_the_same_photos(
    tiny: Make, tmp_path: Path, batches: tuple[int, int], cut_at: int
) -> None:
    def seen(name: str, *parts: tuple[int, int | None]) -> dict[int, set[int]]:
        Photos.seen = {}
        for part, (batch, max_steps) in enumerate(parts):
            config = tiny(run_dir=str(tmp_path / name), max_steps=max_steps)
            config.gpu.per_device_batch = batch
            config.resume = config.run_dir if part else None
            fit(config, task=Photos)
        return Photos.seen

    cut = seen("cut", (batches[0], cut_at), (batches[1], None))
    assert cut == seen("whole", (4, None))
    assert steps(tmp_path / "cut", "train/loss") == list(range(8))
    assert steps(tmp_path / "cut", "val/miou") == [3, 7]
