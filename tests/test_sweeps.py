"""A sweep of six trainings through train.py: one impossible value, one SIGKILL in its middle, and on to its end."""

from __future__ import annotations

import csv
import json
import os
import re
import signal
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from optuna.storages import RDBStorage
from optuna.study import load_study

SMALL = [
    "data.workers=0",
    "model.backbone=test_resnet",
    "model.weights=none",
    "model.decoder_width=32",
    "gpu=cpu",
    "logger=csv",
    "logger.panels=0",
    "resolution=64",
    "batch_size=4",
    "progress=false",
    "schedule=scratch",
    "schedule.phases.0.epochs=4",
]
# In the order of the grid: the last two of six are impossible, the third is killed.
GRID = ["schedule.rate_factor=0.3,1,0", "seed=0,1"]


class Killed:
    """What was there when the sweep was killed, and the directory of the sweep that then went on."""

    def __init__(self, repository: Path, data: Path, folder: Path) -> None:
        self.sweep = folder / "sweep"
        self.command = [sys.executable, "train.py", "-m", f"data.root={data}", *SMALL, *GRID]
        self.command += [f"hydra.sweep.dir={self.sweep}"]
        self.repository = repository
        self._kill_in(self.sweep / "2")
        self.before = {path: path.stat().st_mtime_ns for path in self.sweep.rglob("*") if path.is_file()}
        self.step = int(torch.load(self.sweep / "2/checkpoints/last.ckpt", weights_only=True)["global_step"])
        self.done = subprocess.run(
            self.command, capture_output=True, text=True, cwd=repository, timeout=400, check=False
        )

    def _kill_in(self, job: Path) -> None:
        """SIGKILL when the job has a checkpoint and no end."""
        with (self.sweep.parent / "log").open("w") as log:
            process = subprocess.Popen(
                self.command, stdout=log, stderr=log, cwd=self.repository, start_new_session=True
            )
            deadline = time.monotonic() + 400
            while not (job / "checkpoints/last.ckpt").is_file():
                assert process.poll() is None, (self.sweep.parent / "log").read_text()
                assert time.monotonic() < deadline
                time.sleep(0.005)
            os.killpg(process.pid, signal.SIGKILL)
            assert process.wait() == -signal.SIGKILL
        assert not (job / "summary.json").exists()

    def json(self, name: str) -> Any:
        return json.loads((self.sweep / name).read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def killed(repository: Path, drawn: Path, tmp_path_factory: pytest.TempPathFactory) -> Killed:
    return Killed(repository, drawn, tmp_path_factory.mktemp("killed"))


def test_the_other_jobs_reach_their_end(killed: Killed) -> None:
    assert killed.done.returncode == 0, killed.done.stderr
    found = killed.json("sweep.json")
    assert [job["state"] for job in found["jobs"]] == ["done"] * 4 + ["failed"] * 2
    assert found["jobs"][4]["sentence"] == "schedule.rate_factor=0.0 must be above 0"
    values = [killed.json(f"{at}/summary.json")["best"] for at in range(4)]
    assert [job["value"] for job in found["jobs"][:4]] == pytest.approx(values)
    assert found["best"]["value"] == max(values)


def test_what_was_done_is_not_done_again(killed: Killed) -> None:
    assert killed.done.stdout.count("is done already") == 2
    for path, time_ns in killed.before.items():
        job = path.relative_to(killed.sweep).parts[0]
        if job in ("0", "1"):
            assert path.stat().st_mtime_ns == time_ns, path


def test_the_killed_job_goes_on_from_its_checkpoint(killed: Killed) -> None:
    job = killed.sweep / "2"
    assert 0 < killed.step < 16
    # A run that starts anew writes its config and its split again.
    for name in ("config.yaml", "split.json"):
        assert (job / name).stat().st_mtime_ns == killed.before[job / name]
    with (job / "metrics.csv").open(newline="", encoding="utf-8") as file:
        epochs = [int(row["epoch"]) for row in csv.DictReader(file) if row.get("val/miou")]
    assert epochs == sorted(set(epochs)), "each epoch once"
    assert killed.json("2/summary.json")["steps"] == killed.json("0/summary.json")["steps"]


def test_the_page_shows_all_six(killed: Killed) -> None:
    page = (killed.sweep / "report.html").read_text(encoding="utf-8")
    assert "4 of 6 jobs done, 2 failed." in page
    links = re.findall(r'href="(\d/report\.html)"', page)
    assert sorted(links) == [f"{at}/report.html" for at in range(4)]
    assert all((killed.sweep / link).is_file() for link in links)


def test_the_killed_job_equals_a_run_in_one_piece(killed: Killed, tmp_path: Path) -> None:
    config = (killed.sweep / "2/config.yaml").read_text(encoding="utf-8")
    assert re.search(r"^  rate_factor: 1", config, flags=re.MULTILINE)
    command = [*killed.command[:2], *killed.command[3:-3], "schedule.rate_factor=1", "seed=0"]
    done = subprocess.run(
        [*command, f"run_dir={tmp_path / 'whole'}"],
        capture_output=True,
        text=True,
        cwd=killed.repository,
        timeout=400,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    whole = json.loads((tmp_path / "whole/summary.json").read_text(encoding="utf-8"))
    assert whole["best"] == killed.json("2/summary.json")["best"]


def test_a_study_prunes_what_lies_below_the_median(repository: Path, drawn: Path, tmp_path: Path) -> None:
    sweep = tmp_path / "sweep"
    search = ["hydra/sweeper=imatfashion_optuna", "schedule.rate_factor=tag(log,interval(0.0001,1.0))"]
    search += ["hydra.sweeper.trials=4", "hydra.sweeper.prune=true", "hydra.sweeper.prune_after_trials=1"]
    command = [
        sys.executable,
        "train.py",
        "-m",
        f"data.root={drawn}",
        *SMALL[:-1],
        "schedule.phases.0.epochs=3",
        *search,
    ]
    command += ["hydra.sweeper.prune_after_epochs=1", f"hydra.sweep.dir={sweep}"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=repository, timeout=400, check=False)
    assert done.returncode == 0, done.stderr
    trials = load_study(study_name="sweep", storage=RDBStorage(f"sqlite:///{sweep}/study.db")).trials
    ended: list[list[float]] = []
    for trial in trials:
        job = sweep / str(trial.number)
        with (job / "metrics.csv").open(newline="", encoding="utf-8") as file:
            figures = [float(row["val/miou"]) for row in csv.DictReader(file) if row.get("val/miou")]
        assert trial.intermediate_values == dict(enumerate(figures, 1))
        below = [
            max(figures[:epochs]) < statistics.median(other[epochs - 1] for other in ended)
            for epochs in range(1, min(len(figures), 2) + 1)
            if ended
        ]
        # Stopped where it is below for the first time; what is below at its end alone has ended.
        assert len(figures) == (1 + below.index(True) if any(below) else 3)
        state = json.loads((job / "job.json").read_text(encoding="utf-8"))["state"]
        assert (state, trial.state.name) == (("pruned", "PRUNED") if any(below) else ("done", "COMPLETE"))
        ended += [] if any(below) else [figures]
    assert len(trials) == 4
