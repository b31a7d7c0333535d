"""Memory that ends outside a step: while the data is opened, a library is loaded, a process is forked."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from imatfashion.cli import app
from imatfashion.errors import fault_of_machine

SAID = (
    "this machine is out of memory: free some (other programs, fewer data.workers) and give the command again, "
    "what is finished is kept (a training goes on with resume=RUN_DIR)"
)
FAILS = """
import runpy, sys
import imatfashion.training.build as build

def no_memory(*_):
    raise MemoryError("Unable to allocate 7.00 GiB for an array")

build.host_classes = no_memory
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        OSError(errno.ENOMEM, os.strerror(errno.ENOMEM)),
        ImportError("libx.so: failed to map segment from shared object: Cannot allocate memory"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:117] . DefaultCPUAllocator: can't allocate memory"),
    ],
    ids=["python", "fork", "library", "torch"],
)
def test_memory_ends_in_a_sentence(error: Exception) -> None:
    assert fault_of_machine(error) == SAID


def test_training_before_its_first_step(repository: Path, drawn: Path, tmp_path: Path) -> None:
    arguments = [f"data.root={drawn}", "model=tiny", "resolution=32", "gpu=cpu", f"run_dir={tmp_path / 'run'}"]
    done = _train(repository, *arguments)
    assert (done.returncode, done.stderr.strip()) == (2, f"error: {SAID}")
    assert not (tmp_path / "run").exists()


def test_a_job_of_a_sweep(repository: Path, drawn: Path, tmp_path: Path) -> None:
    arguments = [f"data.root={drawn}", "model=tiny", "resolution=32", "gpu=cpu", f"hydra.sweep.dir={tmp_path}"]
    done = _train(repository, "-m", *arguments, "seed=0,1")
    assert done.stderr.count(f"failed: {SAID}\n") == 2
    assert "Traceback" not in done.stdout + done.stderr
    assert (tmp_path / "0" / "error.txt").read_text() == SAID + "\n"


def test_an_imatfashion_command(drawn: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_memory(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr("imatfashion.data.build.open_table", no_memory)
    done = CliRunner().invoke(app, ["index", str(drawn)])
    assert (done.exit_code, done.output.strip()) == (2, f"error: {SAID}")


def _train(repository: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", FAILS, str(repository / "train.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)
