from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from imatfashion.config.schema import (
    Config,
    DataConfig,
    GpuConfig,
    LoggerConfig,
    ModelConfig,
    Phase,
    ScheduleConfig,
    StageConfig,
)


@pytest.fixture
def tiny(drawn: Path, tmp_path: Path) -> Callable[..., Config]:
    """Makes the config of a run of seconds; keywords replace fields of the root.

    16 photos to train on and 4 to validate: an epoch has 4 steps.
    """
    val = tmp_path / "val.txt"
    val.write_text("\n".join(sorted(path.name for path in (drawn / "train").iterdir())[::5]), encoding="utf-8")

    def make(stage: str = "classes", *, epochs: float = 2, data: dict[str, Any] | None = None, **fields: Any) -> Config:
        defaults: dict[str, Any] = {
            "stage": StageConfig(stage),
            "data": DataConfig(**({"root": str(drawn), "split_file": str(val), "workers": 0} | (data or {}))),
            "model": ModelConfig(backbone="test_resnet", weights="none", decoder_width=32, embedding=16),
            "schedule": ScheduleConfig([Phase(1, True, 1e-3), Phase(epochs - 1, False, 1e-3)]),
            "gpu": GpuConfig("cpu"),
            "logger": LoggerConfig(tensorboard=False, panels=0),
            "resolution": 64,
            "batch_size": 4,
            "run_dir": str(tmp_path / "run"),
            "progress": False,
        }
        return Config(**(defaults | fields))

    return make


@pytest.fixture(autouse=True)
def plain_command(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command that is written down with a run."""
    monkeypatch.setattr(sys, "argv", ["train.py"])
