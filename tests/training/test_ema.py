"""The average of the weights: what it is, what is saved and evaluated, and that a killed run goes on with it."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from torch import Tensor

from imatfashion.config.resume import load_config
from imatfashion.config.schema import Config, LoggerConfig
from imatfashion.models.checkpoint import load_checkpoint, load_network, read_checkpoint
from imatfashion.training import seen
from imatfashion.training.ema import update
from imatfashion.training.fit import fit
from imatfashion.training.progress import Throughput
from imatfashion.training.room import checkpoint_gb

Make = Callable[..., Config]


@pytest.fixture
def history(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, np.ndarray]]:
    """The network's tensors after each optimizer step of a run."""
    steps: list[dict[str, np.ndarray]] = []
    original = Throughput.on_train_batch_end

    def record(self: Throughput, trainer: pl.Trainer, pl_module: pl.LightningModule, *rest: Any) -> None:
        original(self, trainer, pl_module, *rest)
        if trainer.global_step > len(steps):
            state = pl_module.network.state_dict()  # type: ignore[union-attr]
            steps.append({name: value.numpy().copy() for name, value in state.items()})

    monkeypatch.setattr(Throughput, "on_train_batch_end", record)
    return steps


def averaged(steps: list[dict[str, np.ndarray]], decay: float) -> dict[str, np.ndarray]:
    """The average, number by number in float64."""
    average = {name: value.astype(np.float64) for name, value in steps[0].items()}
    for t, state in enumerate(steps[1:], start=1):
        keep = min(decay, (1 + t) / (10 + t))
        for name, value in state.items():
            whole = np.issubdtype(value.dtype, np.integer)
            average[name] = value if whole else keep * average[name] + (1 - keep) * value
    return average


def close(found: dict[str, Tensor], wanted: dict[str, np.ndarray]) -> bool:
    return all(np.allclose(found[name].numpy(), value, rtol=1e-5, atol=1e-6) for name, value in wanted.items())


@pytest.mark.parametrize(("decay", "per_device"), [(0.999, 4), (0.15, 2)], ids=["warm-up", "decay, accumulation"])
def test_the_average_is_saved_beside_the_weights(
    tiny: Make, history: list[dict[str, np.ndarray]], decay: float, per_device: int
) -> None:
    config = tiny(epochs=2)
    config.schedule.ema_decay, config.gpu.per_device_batch = decay, per_device
    result = fit(config)
    assert len(history) == 8
    last = read_checkpoint(result.run_dir / "checkpoints/last.ckpt")
    network = load_checkpoint(result.run_dir / "checkpoints/last.ckpt")[1]
    assert close(network, averaged(history, decay))
    assert not close(network, history[-1])
    trained = {name.removeprefix("network."): value for name, value in last["current_model_state"].items()}
    assert close(trained, history[-1])
    counters = [name for name in network if name.endswith("num_batches_tracked")]
    assert counters
    assert all(torch.equal(network[name], trained[name]) for name in counters)


def test_the_average_is_what_is_validated_and_predicts(tiny: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[dict[str, Tensor]] = []
    original = seen.see

    def see(task: Any, batch: Any) -> Any:
        drawn.append({name: value.clone() for name, value in task.network.state_dict().items()})
        return original(task, batch)

    monkeypatch.setattr(seen, "see", see)
    config = tiny(logger=LoggerConfig(tensorboard=False, panels=2))
    config.schedule.ema_decay = 0.9
    result = fit(config)
    path = result.run_dir / "checkpoints/best.ckpt"
    best = load_checkpoint(path)[1]
    epoch = int(read_checkpoint(path)["epoch"])
    assert all(torch.equal(value, best[name]) for name, value in drawn[epoch].items())
    # `fit` evaluates best.ckpt alone; the figure of the validation is that of the same weights.
    assert result.figures["miou"] == pytest.approx(result.score, abs=1e-6)
    spec, network = load_network(path)
    assert spec.stage == "classes"
    assert network(torch.zeros(1, 3, 64, 64)).isfinite().all()
    assert checkpoint_gb(network, averaged=True) == pytest.approx(path.stat().st_size / 1e9, rel=0.15)


def test_attributes_with_an_average(tiny: Make) -> None:
    config = tiny("attributes", max_steps=5)
    config.schedule.ema_decay = 0.9
    assert fit(config).score is not None


def test_whole_numbers_and_switches_are_copied() -> None:
    index, switches = torch.tensor([3, 0, 2**40]), torch.tensor([True, False])
    averages = [torch.zeros(3, dtype=torch.int64)]
    update(averages, [index], 0.999)
    assert torch.equal(averages[0], index)
    switched = [torch.tensor([False, True])]
    update(switched, [switches], 0.999)
    assert torch.equal(switched[0], switches)


def _rows(run_dir: Path) -> list[dict[str, str]]:
    path = run_dir / "metrics.csv"
    if not path.is_file():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_sigkill_and_resume_equal_the_undisturbed_run(repository: Path, drawn: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut"
    command = [sys.executable, str(repository / "train.py"), "progress=false"]
    overrides = [
        f"data.root={drawn}",
        "data.workers=0",
        "model=tiny",
        "model.backbone=test_resnet",
        "model.decoder_width=32",
        "schedule.phases=[{epochs: 2, max_rate: 0.001}]",
        "schedule.ema_decay=0.9",
        "gpu=cpu",
        "logger=csv",
        "resolution=64",
        "batch_size=1",
        "checkpoint_minutes=0.0001",
        f"run_dir={cut}",
    ]
    # Sums over another number of threads are rounded otherwise.
    env = os.environ | {"OMP_NUM_THREADS": str(torch.get_num_threads())}
    with subprocess.Popen([*command, *overrides], stdout=subprocess.DEVNULL, env=env) as process:
        deadline = time.monotonic() + 120
        while not any(int(row["step"] or 0) >= 18 for row in _rows(cut)):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
    done = subprocess.run(
        [*command, f"resume={cut}"], capture_output=True, text=True, timeout=120, check=False, env=env
    )
    assert done.returncode == 0, done.stderr
    config = load_config(cut, Config)
    config.run_dir = str(tmp_path / "whole")
    fit(config)
    for name in ("last.ckpt", "best.ckpt"):
        one, other = (read_checkpoint(tmp_path / run / "checkpoints" / name) for run in ("cut", "whole"))
        for part in ("state_dict", "current_model_state", "averaging_state"):
            assert one[part].keys() == other[part].keys()
            assert all(torch.equal(one[part][key], other[part][key]) for key in one[part])
