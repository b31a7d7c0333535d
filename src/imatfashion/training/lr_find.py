"""`trainer.lr_find=true`: the loss over rising rates, and the rate at which it falls fastest.

The range test: Smith 2015, "Cyclical Learning Rates for Training Neural Networks" (arXiv 1506.01186); the steepest
descent as the suggestion is fastai's reading of it.
"""

from __future__ import annotations

import math
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as pl
from pytorch_lightning.callbacks import Callback

from imatfashion.config.schema import Config
from imatfashion.tasks.base import FashionTask
from imatfashion.tasks.schedule import PhaseSteps, Schedule
from imatfashion.training.build import TaskClass
from imatfashion.training.prepare import prepare
from imatfashion.training.rate_curve import draw_sweep, smoothed, steepest
from imatfashion.training.start import start_text
from imatfashion.training.summary import write_json
from imatfashion.training.trial import run_trial

FIRST, LAST, STEPS = 1e-6, 1.0, 100
# The sweep ends when the loss is this many times its smallest (fastai's rule).
_DIVERGED = 4.0
_WEIGHT = 0.8


@dataclass(frozen=True)
class RateSweep(Schedule):
    """Rates that rise by the same factor every step; the encoder keeps its share of the decoder's, and never rests."""

    def rate(self, step: int, *, encoder: bool) -> float:
        """Learning rate of a parameter group at an optimizer step."""
        rate = FIRST * math.pow(LAST / FIRST, step / (self.steps - 1))
        return rate * (self.encoder_ratio if encoder else 1.0)


@dataclass
class Sweeper(Callback):
    """Puts the sweep in the schedule's place and notes the loss of each step.

    Attributes:
        rates: the decoder's, a step each.
        losses: means over the micro-batches of a step.
    """

    rates: list[float] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    _sum: float = 0.0
    _smooth: float | None = None

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """The task has built its own schedule by now."""
        assert isinstance(pl_module, FashionTask)
        own = pl_module.schedule
        phases = (PhaseSteps(0, STEPS, LAST, False),)
        pl_module.schedule = RateSweep(phases, own.encoder_ratio, own.warmup, own.start_div, own.final_div)

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Note a step; end the sweep when the loss has grown without bound."""
        # Lightning has divided each micro-batch's loss by their number.
        self._sum += float(outputs["loss"])
        if (batch_idx + 1) % trainer.accumulate_grad_batches:
            return
        loss, self._sum = self._sum, 0.0
        if not math.isfinite(loss):
            trainer.should_stop = True
            return
        assert isinstance(pl_module, FashionTask)
        self.rates.append(pl_module.schedule.rate(trainer.global_step - 1, encoder=False))
        self.losses.append(loss)
        self._smooth = loss if self._smooth is None else _WEIGHT * self._smooth + (1 - _WEIGHT) * loss
        trainer.should_stop = self._smooth > _DIVERGED * min(self.losses)


def find_rate(config: Config, *, task: TaskClass | None = None) -> str:
    """Sweep the rates and write `lr_find.json` and `lr_find.png` into the run directory; nothing is trained.

    Args:
        config: a whole config.
        task: a class of your own instead of the stage's.

    Returns:
        The suggestion, for the terminal.

    Raises:
        FashionError: the config, the data or the weights cannot be used.
    """
    run = prepare(config, task)
    before = deepcopy(run.task.network.state_dict())
    sweeper = Sweeper()
    print(start_text(run, trial=True), flush=True)  # noqa: T201
    run_trial(run, [sweeper], accumulate=run.settings.accumulate, max_steps=STEPS, limit_val_batches=0)
    run.task.network.load_state_dict(before)
    run.run_dir.mkdir(parents=True, exist_ok=True)
    rates, losses = np.array(sweeper.rates), np.array(sweeper.losses)
    smooth = smoothed(losses)
    suggestion = steepest(rates, smooth)
    peak = max(phase.max_rate for phase in config.schedule.phases)
    write_json(
        run.run_dir / "lr_find.json",
        {
            "suggestion": suggestion,
            "rate_factor": None if suggestion is None else suggestion / peak,
            "encoder_ratio": config.schedule.encoder_ratio,
            "rates": sweeper.rates,
            "losses": sweeper.losses,
            "smoothed": smooth.tolist(),
        },
    )
    picture = run.run_dir / "lr_find.png"
    draw_sweep(picture, rates, losses, smooth, suggestion, peak * config.schedule.rate_factor)
    return _said(suggestion, peak, config, picture, len(rates))


def _said(suggestion: float | None, peak: float, config: Config, picture: Path, steps: int) -> str:
    if suggestion is None:
        return (
            f"no rate of {steps} steps made the loss fall ({picture}): look at the data with check=true, or give more "
            "photos; nothing was trained"
        )
    now = peak * config.schedule.rate_factor
    return (
        f"suggested peak rate {suggestion:.2g}, where the loss falls fastest ({picture}); it is {now:.2g} now\n"
        f"to train with it: schedule.rate_factor={suggestion / peak:.2g} in the place of trainer.lr_find=true; "
        "nothing was trained"
    )
