"""Checkpoints that a run can be resumed from, the time limit, and the speed on the dashboard."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Callback, Checkpoint

from imatfashion.errors import FashionError


class OutOfTime(FashionError):
    """The time limit was reached; the run can be resumed."""


class LastCheckpoint(Checkpoint):
    """Keeps `last.ckpt` fresh: after each epoch, every few minutes between, and when the run is interrupted.

    It is written only right after an optimizer step, so that resuming repeats no part of an accumulation.

    Args:
        path: the file; Lightning writes aside and renames.
        every_seconds: time between two saves inside an epoch.
        every_steps: optimizer steps between two saves inside an epoch, if that is sooner.
    """

    def __init__(self, path: Path, every_seconds: float = 300, every_steps: int | None = None) -> None:
        self.path = path
        self.every_seconds = every_seconds
        self.every_steps = every_steps
        self.saved_at = time.monotonic()
        self.saved_step = -1
        self.on_step = False
        self.epoch_done = False

    def save(self, trainer: pl.Trainer) -> None:
        """Write the checkpoint now."""
        self.saved_step, self.saved_at = trainer.global_step, time.monotonic()
        trainer.save_checkpoint(self.path)

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Count from the step that the run starts at."""
        self.saved_step, self.saved_at = trainer.global_step, time.monotonic()

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Save when it is due, between epochs' ends: the last batch of an epoch is saved after its validation."""
        self.on_step = (batch_idx + 1) % trainer.accumulate_grad_batches == 0
        self.epoch_done = batch_idx + 1 >= trainer.num_training_batches
        if not self.on_step or self.epoch_done:
            return
        steps = trainer.global_step - self.saved_step
        due = self.every_steps is not None and steps >= self.every_steps
        # Lightning counts an epoch that `max_steps` cuts short as a whole one: it must be saved before that.
        due = due or trainer.global_step >= trainer.max_steps >= 0
        if trainer.strategy.broadcast(due or time.monotonic() - self.saved_at >= self.every_seconds):
            self.save(trainer)

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Save after the epoch and its validation."""
        if self.epoch_done:
            self.save(trainer)

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        """Save on Ctrl-C, SIGTERM and our own stops, where the state is that of a whole step."""
        stops = (KeyboardInterrupt, SystemExit, FashionError)
        wanted = isinstance(exception, stops) or type(exception).__name__ == "SIGTERMException"
        if wanted and self.on_step and trainer.global_step > self.saved_step and trainer.world_size == 1:
            self.save(trainer)


class TimeLimit(Callback):
    """Stops a run with a checkpoint before the platform kills it.

    Args:
        hours: limit, from the making of this callback.
        last: the checkpoint to write.
        run_dir: named in the message.
    """

    def __init__(self, hours: float, last: LastCheckpoint, run_dir: Path) -> None:
        self.deadline = time.monotonic() + hours * 3600
        self.hours = hours
        self.last = last
        self.run_dir = run_dir

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Stop at the first whole optimizer step past the limit."""
        whole = (batch_idx + 1) % trainer.accumulate_grad_batches == 0
        if whole and trainer.strategy.broadcast(time.monotonic() >= self.deadline):
            self.last.save(trainer)
            raise OutOfTime(
                f"platform.max_hours={self.hours} is reached at step {trainer.global_step}: the state is saved; "
                f"go on with: python train.py resume={self.run_dir}"
            )


class Throughput(Callback):
    """Logs `train/images_per_second` and the share of time that the loop waited for the loader.

    Args:
        micro_batch: photos of a batch on this device.
    """

    def __init__(self, micro_batch: int) -> None:
        self.micro_batch = micro_batch
        self.images = 0
        self.seconds = 0.0
        self.waited = 0.0
        self.ended = self.started = time.perf_counter()

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Do not count the time between epochs."""
        self.ended = time.perf_counter()

    def on_train_batch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int) -> None:
        """The wait for the loader ends here."""
        self.started = time.perf_counter()
        self.waited += self.started - self.ended

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """The step ends here."""
        now = time.perf_counter()
        self.seconds += now - self.ended
        self.images += self.micro_batch * trainer.world_size
        self.ended = now

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Log the run's figures so far."""
        pl_module.log("train/images_per_second", self.images_per_second, rank_zero_only=True)
        pl_module.log("train/loader_wait", self.waited / max(self.seconds, 1e-9), rank_zero_only=True)

    @property
    def images_per_second(self) -> float:
        """Photos trained on in a second, over all devices."""
        return self.images / max(self.seconds, 1e-9)
