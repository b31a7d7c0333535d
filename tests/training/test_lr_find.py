"""`trainer.lr_find=true`: the sweep's rates, its suggestion on curves with a known answer, and the command."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from torch import Tensor

from imatfashion.config.schema import Config, TrainerConfig
from imatfashion.data.collate import Batch
from imatfashion.tasks.classes import ClassSegmenter
from imatfashion.training.lr_find import find_rate
from imatfashion.training.rate_curve import smoothed, steepest

Make = Callable[..., Config]
RATES = np.logspace(-6, 0, 100)


def test_the_steepest_point_of_a_known_curve() -> None:
    # A logistic fall in log-rate is steepest at its centre; noise of 1 % moves it by less than a third of a decade.
    fall = 4 - 3 / (1 + np.exp(-4 * (np.log10(RATES) + 3)))
    noisy = fall * (1 + 0.01 * np.random.default_rng(0).standard_normal(100))
    found = steepest(RATES, smoothed(noisy))
    assert found is not None
    assert abs(np.log10(found) + 3) < 0.34
    # What comes after the lowest point does not count, however steep it falls again.
    rising = np.where(RATES > 0.05, 9.0, fall)
    rising[-3:] = 1.5
    assert steepest(RATES, rising) == pytest.approx(1e-3, rel=0.2)


def test_no_fall_no_suggestion() -> None:
    assert steepest(RATES, 4 + 0.01 * np.sin(np.arange(100))) is None
    assert steepest(RATES, np.linspace(4, 9, 100)) is None
    assert steepest(RATES[:0], RATES[:0]) is None


def test_smoothing_does_not_lag() -> None:
    line = np.arange(100.0)
    assert smoothed(line)[4:-4] == pytest.approx(line[4:-4])


def test_the_sweep_leaves_no_run(tiny: Make, tmp_path: Path) -> None:
    rates: list[tuple[float, float]] = []

    class Watched(ClassSegmenter):
        def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
            if batch_idx % 2 == 0:
                groups = self.optimizers(use_pl_optimizer=False).param_groups  # type: ignore[union-attr]
                by_part = {group["encoder"]: group["lr"] for group in groups}
                rates.append((by_part[True], by_part[False]))
            return super().training_step(batch, batch_idx)

    config = tiny(trainer=TrainerConfig(lr_find=True))
    config.gpu.per_device_batch = 2
    said = find_rate(config, task=Watched)
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == ["lr_find.json", "lr_find.png"]
    found = json.loads((tmp_path / "run/lr_find.json").read_text(encoding="utf-8"))
    # The optimizer had these rates, the encoder a tenth although the first phase freezes it.
    assert found["rates"] == pytest.approx([decoder for _, decoder in rates])
    assert found["rates"] == pytest.approx(list(RATES[: len(rates)]))
    assert [encoder for encoder, _ in rates] == pytest.approx([0.1 * decoder for _, decoder in rates])
    assert len(found["losses"]) == len(rates)
    # Two micro-batches of a segmenter that knows nothing: ln 18 and a Dice loss near 1, not half of it.
    assert 3 < found["losses"][0] < 5
    factor = float(re.search(r"schedule.rate_factor=(\S+) in the place", said).group(1))  # type: ignore[union-attr]
    assert factor == pytest.approx(found["suggestion"] / 1e-3, rel=0.05)


def test_a_loss_that_grows_without_bound_ends_the_sweep(tiny: Make, tmp_path: Path) -> None:
    class Diverging(ClassSegmenter):
        def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
            return super().training_step(batch, batch_idx) * (100.0 if self.global_step > 30 else 1.0)

    assert "no rate of" in find_rate(tiny(trainer=TrainerConfig(lr_find=True)), task=Diverging)
    found = json.loads((tmp_path / "run/lr_find.json").read_text(encoding="utf-8"))
    assert 31 <= len(found["rates"]) < 36
    assert found["suggestion"] is None


def test_the_command(repository: Path, drawn: Path, tmp_path: Path) -> None:
    overrides = [
        "model=tiny",
        "model.backbone=test_resnet",
        "resolution=32",
        "batch_size=4",
        "gpu=cpu",
        "data.workers=0",
    ]
    command = [sys.executable, str(repository / "train.py"), "trainer.lr_find=true", f"data.root={drawn}", *overrides]
    done = subprocess.run(
        [*command, f"run_dir={tmp_path / 'run'}"], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.rstrip().endswith("nothing was trained")
    assert "check=true and" in subprocess.run([*command, "check=true"], capture_output=True, text=True).stderr
