"""SIGKILL, SIGTERM and Ctrl-C: what is left, what is said, and that going on gives the undisturbed run's figures."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch

from imatfashion.config.resume import load_config
from imatfashion.config.schema import Config
from imatfashion.errors import Interrupted
from imatfashion.models.checkpoint_file import read_checkpoint
from imatfashion.training.fit import fit
from imatfashion.training.progress import Throughput
from imatfashion.training.signals import StopSignals

Make = Callable[..., Config]
Start = Callable[..., subprocess.Popen[str]]


def rows(run_dir: Path) -> list[dict[str, str]]:
    path = run_dir / "metrics.csv"
    if not path.is_file():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def figures(run_dir: Path) -> list[dict[str, str]]:
    slow = ("train/images_per_second", "train/loader_wait", "train/memory_gb")
    kept = [{name: value for name, value in row.items() if value and name not in slow} for row in rows(run_dir)]
    return [row for row in kept if len(row) > 2]


def step_of(run_dir: Path) -> int:
    return int(read_checkpoint(run_dir / "checkpoints/last.ckpt")["global_step"])


@pytest.fixture
def start(repository: Path, tmp_path: Path) -> Iterator[Start]:
    """Starts `python train.py` in a process group of its own, as a terminal does."""
    started: list[subprocess.Popen[str]] = []

    def start(*overrides: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, str(repository / "train.py"), "progress=false", *overrides],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            # Sums over another number of threads are rounded otherwise.
            env=os.environ | {"OMP_NUM_THREADS": str(torch.get_num_threads()), "HOME": str(tmp_path)},
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def overrides(drawn: Path, tmp_path: Path) -> tuple[str, ...]:
    """A run of two epochs of 16 steps."""
    names = sorted(path.name for path in (drawn / "train").iterdir())
    (tmp_path / "val.txt").write_text("\n".join(names[::5]), encoding="utf-8")
    return (
        f"data.root={drawn}",
        f"data.split_file={tmp_path / 'val.txt'}",
        "model.backbone=test_resnet",
        "model.weights=none",
        "model.decoder_width=32",
        "schedule.phases=[{epochs: 1, frozen: true, max_rate: 0.001}, {epochs: 1, frozen: false, max_rate: 0.001}]",
        "gpu=cpu",
        "logger.panels=0",
        "resolution=64",
        "batch_size=1",
        f"run_dir={tmp_path / 'cut'}",
    )


def wait_for_step(process: subprocess.Popen[str], run_dir: Path, step: int) -> None:
    deadline = time.monotonic() + 120
    while not any(int(row["step"] or 0) >= step for row in rows(run_dir)):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.01)


def undisturbed(run_dir: Path) -> list[dict[str, str]]:
    config = load_config(run_dir, Config)
    config.run_dir, config.logger.wandb = str(run_dir.with_name("whole")), False
    return figures(fit(config).run_dir)


def test_sigkill_in_mid_epoch_and_resume(start: Start, overrides: tuple[str, ...], tmp_path: Path) -> None:
    cut = tmp_path / "cut"
    process = start(*overrides, "data.workers=1", "logger=csv", "checkpoint_minutes=0.0001")
    wait_for_step(process, cut, 19)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert 16 < step_of(cut) < 32
    resumed = start(f"resume={cut}")
    _, errors = resumed.communicate(timeout=120)
    assert resumed.returncode == 0, errors
    found, expected = figures(cut), undisturbed(cut)
    assert found[-1] == expected[-1]
    assert "val/miou" in found[-1]
    # The figures of a step are written just after its checkpoint: a kill between the two loses that row of the curve.
    assert all(row in expected for row in found)
    assert len(found) >= len(expected) - 1


@pytest.mark.parametrize(
    ("number", "name", "code"),
    [(signal.SIGTERM, "SIGTERM", 143), (signal.SIGINT, "Ctrl-C", 130)],
    ids=["SIGTERM", "Ctrl-C"],
)
def test_a_signal_ends_in_a_checkpoint_and_a_sentence(
    start: Start, overrides: tuple[str, ...], tmp_path: Path, number: signal.Signals, name: str, code: int
) -> None:
    cut = tmp_path / "cut"
    process = start(*overrides, "data.workers=1", "logger=all", "platform.offline=true")
    wait_for_step(process, cut, 3)
    # To the whole group, as a terminal and SLURM do: the loader's process gets it too.
    os.killpg(process.pid, number)
    output, errors = process.communicate(timeout=60)
    step = step_of(cut)
    assert 3 <= step < 16
    sentence = f"stopped by {name} at step {step}: the state is saved; go on with: python train.py resume={cut}\n"
    assert (process.returncode, errors) == (code, sentence)
    assert "Traceback" not in output
    config = load_config(cut, Config)
    config.resume, config.logger.wandb = str(cut), False
    fit(config)
    assert figures(cut) == undisturbed(cut)


def raise_at(
    monkeypatch: pytest.MonkeyPatch, owner: type[Any], hook: str, when: Callable[[pl.Trainer, int], bool]
) -> None:
    """Send this process SIGTERM in a hook, once."""
    original, sent = getattr(owner, hook), []

    def send(self: Any, trainer: pl.Trainer, *rest: Any) -> None:
        original(self, trainer, *rest)
        if not sent and when(trainer, rest[-1] if isinstance(rest[-1], int) else -1):
            sent.append(True)
            os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(owner, hook, send)


def test_a_signal_waits_for_the_end_of_the_accumulation(
    tiny: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tiny()
    config.gpu.per_device_batch = 2
    with monkeypatch.context() as patch:
        # The first micro-batch of the second step.
        raise_at(patch, Throughput, "on_train_batch_start", lambda trainer, batch: batch == 2)
        with pytest.raises(Interrupted, match="stopped by SIGTERM at step 2: the state is saved") as stopped:
            fit(config)
    assert stopped.value.code == 143
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    run_dir = tmp_path / "run"
    assert step_of(run_dir) == 2
    config.resume = config.run_dir
    fit(config)
    assert figures(run_dir) == undisturbed(run_dir)


@pytest.mark.parametrize(
    ("hook", "step"),
    [("on_validation_start", 4), ("on_train_batch_start", 3)],
    ids=["in validation", "in the last step before it"],
)
def test_a_signal_about_validation_stops_at_once(
    tiny: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hook: str, step: int
) -> None:
    config = tiny(checkpoint_minutes=1e-6)
    with monkeypatch.context() as patch:
        raise_at(patch, StopSignals, hook, lambda trainer, batch: trainer.global_step == step)
        with pytest.raises(
            Interrupted, match=r"stopped by SIGTERM: the last checkpoint is kept; go on with: .* resume="
        ):
            fit(config)
    run_dir = tmp_path / "run"
    assert step_of(run_dir) == 3
    config.resume = config.run_dir
    fit(config)
    assert figures(run_dir) == undisturbed(run_dir)


def test_a_second_signal_stops_at_once(tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGINT)
    with StopSignals(tmp_path) as signals:
        signals.training = True
        os.kill(os.getpid(), signal.SIGINT)
        assert signals.received == signal.SIGINT
        with pytest.raises(Interrupted, match="stopped by Ctrl-C: there is no checkpoint yet") as stopped:
            os.kill(os.getpid(), signal.SIGINT)
    assert stopped.value.code == 130
    assert signal.getsignal(signal.SIGINT) is before
