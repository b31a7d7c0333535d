"""Two processes on one machine: one run directory, every photo once, rows of metrics.csv once."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

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
