"""The ready sweeps of conf/sweep make the jobs that docs/SWEEPS.md says; the jobs end at once for want of data."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import timm

ALL = [
    (["sweep=lr"], [["schedule.rate_factor=0.1"], ["schedule.rate_factor=3"]], 4),
    (["sweep=lr", "schedule.rate_factor=0.5,2"], [["schedule.rate_factor=0.5"], ["schedule.rate_factor=2"]], 2),
    (["sweep=folds", "data.folds=3"], [["data.fold=0"], ["data.fold=2"]], 3),
    (["sweep=backbone"], [["model.backbone=mobilenetv3_large_100"], ["model.backbone=resnet50"]], 5),
    (["sweep=resolution_batch"], [["resolution=160", "batch_size=8"], ["resolution=320", "batch_size=32"]], 9),
    (["sweep=optuna_lr", "batch_size=16,16"], [["batch_size=16"], ["batch_size=16"]], 12),
    (["sweep=optuna", "hydra.sweeper.trials=1"], [[], []], 1),
]


def overrides(repository: Path, sweep: Path, *arguments: str) -> list[list[str]]:
    command = [sys.executable, "train.py", *arguments, "data.root=nowhere", f"hydra.sweep.dir={sweep}"]
    subprocess.run(command, capture_output=True, cwd=repository, timeout=120, check=True)
    jobs = json.loads((sweep / "sweep.json").read_text(encoding="utf-8"))["jobs"]
    assert {job["sentence"] for job in jobs} == {"data.root=nowhere is not there; give the folder of the data set"}
    return [job["overrides"] for job in jobs]


@pytest.mark.parametrize(("arguments", "ends", "count"), ALL, ids=[" ".join(case[0]) for case in ALL])
def test_ready_sweeps(
    repository: Path, tmp_path: Path, arguments: list[str], ends: list[list[str]], count: int
) -> None:
    found = overrides(repository, tmp_path / "sweep", *arguments)
    assert len(found) == count
    for job, wanted in zip((found[0], found[-1]), ends, strict=True):
        assert set(wanted) <= set(job)


def test_the_search_can_be_changed(repository: Path, tmp_path: Path) -> None:
    fixed, searched = "schedule.encoder_ratio=0.1", "model.dropout=interval(0.2,0.3)"
    arguments = ("sweep=optuna_lr", fixed, searched, "hydra.sweeper.trials=2")
    for job in overrides(repository, tmp_path / "sweep", *arguments):
        values = dict(override.split("=", 1) for override in job)
        assert values["schedule.encoder_ratio"] == "0.1"
        assert 0.2 <= float(values["model.dropout"]) <= 0.3
        assert 0.1 <= float(values["schedule.rate_factor"]) <= 10


def test_backbones_of_the_sweep_exist(repository: Path) -> None:
    text = (repository / "conf/sweep/backbone.yaml").read_text(encoding="utf-8")
    names = text.split("model.backbone: ")[1].split()[0].split(",")
    assert len(names) == 5
    assert set(names) <= set(timm.list_models())
