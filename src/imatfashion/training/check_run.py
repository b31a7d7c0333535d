"""`check=true`: a few batches through everything, what the run would take, and pictures of what it would see."""

from __future__ import annotations

import math
import shutil

import torch

from imatfashion.config.schema import Config
from imatfashion.errors import FashionError
from imatfashion.training.build import TaskClass
from imatfashion.training.check_picture import draw_batches, save_png
from imatfashion.training.device import estimated_gb
from imatfashion.training.measured import PHOTOS, Measured
from imatfashion.training.pace import duration
from imatfashion.training.prepare import prepare
from imatfashion.training.room import CHECKPOINTS
from imatfashion.training.start import start_text
from imatfashion.training.trial import run_trial

# The first step also starts loaders and kernels: it is not measured.
_STEPS = 4
_VAL_BATCHES = 2


def check_run(config: Config, *, task: TaskClass | None = None) -> str:
    """Send a few batches through everything; nothing is trained.

    Args:
        config: a whole config.
        task: a class of your own instead of the stage's.

    Returns:
        What was found, for the terminal. `check.png` in the run directory shows photos as the network sees them.

    Raises:
        FashionError: something cannot work; the same sentence as the run would give.
    """
    run = prepare(config, task)
    run.run_dir.mkdir(parents=True, exist_ok=True)
    measured = Measured(run)
    run_trial(
        run, [measured], accumulate=1, max_steps=_STEPS, limit_train_batches=_STEPS, limit_val_batches=_VAL_BATCHES
    )
    picture = run.run_dir / "check.png"
    save_png(
        picture,
        draw_batches(measured.batches, run.data.truth, most=PHOTOS, attributes=config.stage.name == "attributes"),
    )
    return "\n".join([start_text(run, trial=True), "", *_found(measured), f"pictures    {picture}"])


def _found(measured: Measured) -> list[str]:
    run, settings = measured.run, measured.run.settings
    wrong = [loss for loss in measured.losses if not math.isfinite(loss)]
    if wrong:
        raise FashionError(f"the loss of the first steps is {wrong[0]}: lower schedule.rate_factor or look at the data")
    free = shutil.disk_usage(run.run_dir).free / 1e9
    needed = CHECKPOINTS * measured.checkpoint_gb
    if needed > free:
        raise FashionError(
            f"the disk of {run.run_dir} has {free:.2g} GB free, the run's checkpoints need {needed:.2g} GB: make room"
        )
    return [
        f"batch       {len(measured.losses)} steps of {settings.micro_batch} photos and {len(measured.val_seconds)} "
        f"validation batches went through; loss {measured.losses[0]:.3f}",
        f"memory      {_memory_text(measured)}",
        f"time        {_time_text(measured)}",
        f"checkpoint  written and read back, {measured.checkpoint_gb:.3g} GB; the run needs room for {CHECKPOINTS}, "
        f"{free:.0f} GB are free",
    ]


def _memory_text(measured: Measured) -> str:
    run = measured.run
    if run.settings.accelerator == "cpu":
        return f"{measured.memory:.2f} GB held by this process and its loaders at most"
    total = torch.cuda.get_device_properties(0).total_memory / 1e9
    return (
        f"{measured.memory:.2f} GB of the GPU's {total:.0f} GB at most (estimated beforehand: "
        f"{estimated_gb(run.config, run.settings):.1f} GB)"
    )


def _time_text(measured: Measured) -> str:
    """What the run would take, from the steps after the first; waiting for the loaders counts."""
    run, settings = measured.run, measured.run.settings
    step = settings.accumulate * _mean(measured.train_seconds[1:] or measured.train_seconds)
    val_batches = -(-len(run.data.val_indices) // settings.micro_batch)
    epoch = run.data.steps_per_epoch * step
    validation = val_batches * _mean(measured.val_seconds[1:] or measured.val_seconds)
    epochs = run.steps / run.data.steps_per_epoch
    return (
        f"about {duration(epoch)} an epoch and {duration(validation)} its validation, "
        f"{duration(run.steps * step + int(epochs) * validation)} for {epochs:.3g} epochs, "
        f"{run.config.batch_size / step:.1f} images/s: from {max(1, len(measured.train_seconds) - 1)} steps"
    )


def _mean(values: list[float]) -> float:
    return sum(values) / max(1, len(values))
