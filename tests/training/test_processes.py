"""Two processes on one machine: one run directory, every photo once, rows of metrics.csv once."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from imatfashion.models.checkpoint import load_checkpoint

OVERRIDES = [
    "model=tiny",
    "model.backbone=test_resnet",
    "resolution=32",
    "batch_size=4",
    "max_steps=3",
    "gpu=cpu",
    "gpu.devices=2",
    "logger=csv",
    "data.workers=0",
    "progress=false",
]
LAUNCHERS = {
    "the command alone": [sys.executable],
    "torchrun": [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"],
}


@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_two_processes_make_one_run(repository: Path, drawn: Path, tmp_path: Path, launcher: str) -> None:
    run_dir = tmp_path / "run"
    command = [
        *LAUNCHERS[launcher],
        str(repository / "train.py"),
        f"data.root={drawn}",
        f"run_dir={run_dir}",
        *OVERRIDES,
    ]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=300, check=False, env={**os.environ, "OMP_NUM_THREADS": "1"}
    )
    assert done.returncode == 0, done.stderr
    with (run_dir / "metrics.csv").open(newline="", encoding="utf-8") as file:
        steps = [row["step"] for row in csv.DictReader(file) if row["train/loss"]]
    assert steps == ["0", "1", "2"]
    summary = json.loads((run_dir / "summary.json").read_text(encoding="utf-8"))
    assert (summary["settings"]["devices"], summary["settings"]["micro_batch"]) == (2, 2)
    evaluation = json.loads((run_dir / "evaluation.json").read_text(encoding="utf-8"))
    assert sum(map(sum, evaluation["confusion"])) == summary["photos"]["val"] * 32 * 32


def test_several_processes_need_one_place(repository: Path, drawn: Path) -> None:
    command = [sys.executable, str(repository / "train.py"), f"data.root={drawn}", *OVERRIDES]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 2
    assert "several processes need one place to write to: give run_dir=DIR" in done.stderr


def _weights(repository: Path, drawn: Path, run_dir: Path, *overrides: str) -> dict[str, torch.Tensor]:
    """The weights after three steps on batches of 8."""
    command = [sys.executable, str(repository / "train.py"), f"data.root={drawn}", f"run_dir={run_dir}", *OVERRIDES]
    phases = "schedule.phases=[{epochs: 2, max_rate: 0.001}]"
    done = subprocess.run(
        [*command, "batch_size=8", "resolution=64", phases, "schedule.warmup=0", *overrides],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    return load_checkpoint(run_dir / "checkpoints/last.ckpt")[1]


def _largest_difference(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> float:
    assert one.keys() == other.keys()
    parameters = [name for name in one if name.endswith(("weight", "bias"))]
    return max(float((one[name] - other[name]).abs().max()) for name in parameters)


def test_with_frozen_norms_two_processes_are_one(repository: Path, drawn: Path, tmp_path: Path) -> None:
    """Batches of 8, and of 4 in each of two processes; unfrozen norms see another batch and give another run."""
    found = {
        (norm, devices): _weights(
            repository, drawn, tmp_path / f"{norm}{devices}", f"model.freeze_norm={norm}", f"gpu.devices={devices}"
        )
        for norm in ("all", "none")
        for devices in (1, 2)
    }
    assert _largest_difference(found["all", 1], found["all", 2]) < 1e-5
    assert _largest_difference(found["none", 1], found["none", 2]) > 1e-4
    untouched = [value for name, value in found["all", 1].items() if name.endswith("running_var")]
    assert untouched
    assert all((value == 1).all() for value in untouched)
