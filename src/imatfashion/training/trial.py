"""A few steps of a run that leave nothing behind: what a dry run and the search for a rate share."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Callback

from imatfashion.training.memory import with_memory
from imatfashion.training.trainer import Run, quiet


def run_trial(run: Run, callbacks: Sequence[Callback], *, accumulate: int, **limits: Any) -> pl.Trainer:
    """Train for a few steps as the run would, on one device, without loggers and checkpoints.

    Args:
        run: the run; its task is changed.
        callbacks: what looks on.
        accumulate: micro-batches of a step.
        **limits: Lightning's own, such as `max_steps`.

    Raises:
        OutOfMemory: memory ran out.
    """
    settings = run.settings
    trainer = pl.Trainer(
        accelerator=settings.accelerator,
        devices=1,
        precision=settings.precision,  # type: ignore[arg-type]
        accumulate_grad_batches=accumulate,
        gradient_clip_val=run.config.schedule.clip or None,
        max_epochs=-1,
        logger=False,
        callbacks=list(callbacks),
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        use_distributed_sampler=False,
        default_root_dir=run.run_dir,
        **limits,
    )
    with warnings.catch_warnings():
        quiet()
        with_memory(lambda: trainer.fit(run.task, datamodule=run.data), run, trial=True)
    return trainer
