"""Two processes, one run directory: the second one is refused, and a killed one holds nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from imatfashion.errors import FashionError
from imatfashion.training.run_lock import run_lock

HOLD = """
import os, sys, time
from pathlib import Path
from imatfashion.training.run_lock import run_lock
with run_lock(Path(sys.argv[1])):
    if not os.fork():
        time.sleep(60)  # a loader process that outlives its parent
        os._exit(0)
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the directory, with a child of its own."""
    command = [sys.executable, "-W", "ignore", "-c", HOLD, str(tmp_path / "run")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    yield process
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def test_the_second_is_refused_until_the_first_is_killed(holder: subprocess.Popen[str], tmp_path: Path) -> None:
    with (
        pytest.raises(FashionError, match=r"another process is writing to .*run at this moment"),
        run_lock(tmp_path / "run"),
    ):
        pass
    holder.kill()
    holder.wait()
    # Its child is still alive.
    with run_lock(tmp_path / "run"):
        pass


def test_two_runs_in_one_directory(repository: Path, drawn: Path, tmp_path: Path) -> None:
    def start(*overrides: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, str(repository / "train.py"), *overrides],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
        )

    run_dir = tmp_path / "run"
    first = start(
        f"data.root={drawn}",
        f"run_dir={run_dir}",
        "model=tiny",
        "model.backbone=test_resnet",
        "resolution=32",
        "batch_size=4",
        "gpu=cpu",
        "logger=csv",
        "data.workers=0",
        "schedule.phases=[{epochs:1000}]",
    )
    try:
        metrics = run_dir / "metrics.csv"
        until = time.monotonic() + 240
        while not (metrics.is_file() and "\n0," in metrics.read_text(encoding="utf-8")):
            assert first.poll() is None, first.communicate()
            assert time.monotonic() < until
            time.sleep(0.2)
        # The first one goes on writing: what it is about to rename is gone in a moment.
        before = {path.name for path in run_dir.iterdir() if path.suffix != ".tmp"}
        second = start(f"resume={run_dir}")
        _, said = second.communicate(timeout=240)
        assert second.returncode == 2
        assert said.startswith(f"error: another process is writing to {run_dir} at this moment: wait")
        assert before <= {path.name for path in run_dir.iterdir()}
    finally:
        first.kill()
        first.communicate()
