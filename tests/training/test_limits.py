"""The platform's limits through `fit`: refused beforehand, or stopped with a checkpoint that goes on undisturbed."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl

from imatfashion.config.schema import Config, LoggerConfig, PlatformConfig
from imatfashion.errors import FashionError
from imatfashion.models.checkpoint import load_checkpoint
from imatfashion.models.spec import build_network
from imatfashion.training import limits as limits_module
from imatfashion.training.fit import fit
from imatfashion.training.limits import LimitReached, UsageLimit, saved
from imatfashion.training.progress import Throughput
from imatfashion.training.room import check_room, checkpoint_gb, panels_kept, room_taken

Make = Callable[..., Config]


def figures(run_dir: Path) -> list[dict[str, str]]:
    slow = ("train/images_per_second", "train/loader_wait", "train/memory_gb")
    with (run_dir / "metrics.csv").open(newline="", encoding="utf-8") as file:
        rows = [
            {name: value for name, value in row.items() if value and name not in slow} for row in csv.DictReader(file)
        ]
    return [row for row in rows if len(row) > 2]


def write_files(run_dir: Path) -> None:
    (run_dir / "wandb").mkdir()
    for index in range(60):
        (run_dir / "wandb" / f"{index}.png").touch()


def fill_disk(run_dir: Path) -> None:
    (run_dir / "wandb").mkdir()
    with (run_dir / "wandb" / "large").open("wb") as file:
        # A hole: its size counts, the disk is not filled.
        file.truncate(1_000_000_000)


@pytest.mark.parametrize(
    ("limits", "happens", "sentence"),
    [
        ({"max_hours": 1e-6}, None, r"platform.max_hours=1e-06 is reached at step 1: "),
        ({"memory_gb": 0.01}, None, r"this run's processes hold [\d.]+ GB of platform.memory_gb=0.01 at step 1: "),
        (
            {"max_files": 80},
            write_files,
            r"run holds \d+ files \(most of them in wandb\), .*max_files=80 .* at step 2: ",
        ),
        (
            {"output_gb": 1},
            fill_disk,
            r"run holds 1 GB, .* checkpoint\(s\) of 0.00\d+ GB platform.output_gb=1 .* at step 2: ",
        ),
    ],
    ids=["hours", "memory", "files", "disk"],
)
def test_a_limit_ends_in_a_checkpoint_that_goes_on_undisturbed(
    tiny: Make,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    limits: dict[str, Any],
    happens: Callable[[Path], None] | None,
    sentence: str,
) -> None:
    run_dir = tmp_path / "run"

    def at_second_step(self: Throughput, trainer: pl.Trainer, *rest: Any) -> None:
        if trainer.global_step == 2 and happens is not None:
            happens(run_dir)

    with monkeypatch.context() as patch:
        patch.setattr(UsageLimit, "every_seconds", 0)
        patch.setattr(Throughput, "on_train_batch_end", at_second_step)
        with pytest.raises(LimitReached, match=sentence + "the state is saved; go on with: python train.py resume="):
            fit(tiny(platform=PlatformConfig(**limits)))
    assert (run_dir / "checkpoints/last.ckpt").is_file()
    fit(tiny(resume=str(run_dir)))
    whole = fit(tiny(run_dir=str(tmp_path / "whole")))
    assert figures(run_dir) == figures(whole.run_dir)


@pytest.mark.parametrize(
    ("limits", "sentence"),
    [
        (
            {"output_gb": 0.03},
            r"holds 0 GB, and with room for 3 more .* of 0.00\d+ GB platform.output_gb=0.03 is nearly",
        ),
        ({"max_files": 40}, r"holds 0 files, .* \(42\) platform.max_files=40 is nearly reached: make room"),
    ],
    ids=["disk", "files"],
)
def test_a_run_that_cannot_fit_is_refused_before_its_first_step(
    tiny: Make, tmp_path: Path, limits: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(FashionError, match=sentence):
        fit(tiny(platform=PlatformConfig(**limits)))
    # The same command works once the limit is raised: no run directory is in its way.
    assert not (tmp_path / "run").exists()


def test_a_run_within_its_limits_ends(tiny: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(UsageLimit, "every_seconds", 0)
    limits = PlatformConfig(max_hours=1, memory_gb=64, max_files=48, output_gb=0.1)
    result = fit(tiny(platform=limits, logger=LoggerConfig(tensorboard=True, panels=2)))
    assert result.score is not None
    # One panel is kept of two: half of what max_files leaves.
    assert [path.name for path in (result.run_dir / "panels").iterdir()] == ["epoch_001.jpg"]
    assert len([path for path in result.run_dir.rglob("*") if path.is_file()]) <= 48


def test_the_size_of_a_checkpoint_is_foreseen(tiny: Make) -> None:
    for stage in ("classes", "attributes"):
        config = tiny(stage, epochs=2, max_steps=2)
        config.run_dir = f"{config.run_dir}-{stage}"
        result = fit(config)
        network = build_network(load_checkpoint(result.best_checkpoint)[0])
        file = result.run_dir / "checkpoints" / "last.ckpt"
        assert checkpoint_gb(network) == pytest.approx(file.stat().st_size / 1e9, rel=0.05)


def test_existing_checkpoints_are_not_counted_twice(tmp_path: Path) -> None:
    (tmp_path / "checkpoints").mkdir()
    limits = PlatformConfig(output_gb=4)
    assert room_taken(limits, tmp_path, 1.0) is None
    for name in ("last.ckpt", "best.ckpt"):
        with (tmp_path / "checkpoints" / name).open("wb") as file:
            file.truncate(1_000_000_000)
        assert room_taken(limits, tmp_path, 1.0) is None
    assert "holds 2 GB, and with room for 1 more" in (room_taken(PlatformConfig(output_gb=3), tmp_path, 1.0) or "")


def test_panels_leave_room_for_other_files() -> None:
    assert panels_kept(PlatformConfig()) == 50
    assert panels_kept(PlatformConfig(max_files=499)) == 50
    assert panels_kept(PlatformConfig(max_files=100)) == 26
    assert panels_kept(PlatformConfig(max_files=10)) == 1


def test_no_limits_look_at_nothing(tmp_path: Path) -> None:
    check_room(PlatformConfig(), tmp_path / "absent", pl.LightningModule())


def test_the_line_that_goes_on_can_be_pasted() -> None:
    assert saved(Path("runs/naïve (2)")).endswith("go on with: python train.py 'resume=\"runs/naïve (2)\"'")


def test_processes_of_a_machine_share_its_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits_module, "memory_gb", lambda: 5.0)
    platform = PlatformConfig(memory_gb=10)
    assert UsageLimit(platform, tmp_path, 0.1)(3) is None
    reached = UsageLimit(platform, tmp_path, 0.1, processes=2)(3)
    assert "hold 5.00 GB of platform.memory_gb=10, which 2 processes share at step 3" in str(reached)
