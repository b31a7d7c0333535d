"""Checkpoints that a run can be resumed from, and stops that leave one."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Callback, Checkpoint

from imatfashion.errors import FashionError

Check = Callable[[int], BaseException | None]
"""Takes the optimizer step; gives what to raise when the run must stop there, its state being saved first."""

# An epoch's validation cannot be resumed in its middle: the step before its last one is saved if this long has passed.
_SECONDS_BEFORE_VALIDATION = 20
_OF_EPOCHS = ("val/", "train/images_per_second", "train/loader_wait", "train/memory_gb")
"""Beginnings of the names of figures that do not come with each step."""


class LastCheckpoint(Checkpoint):
    """Keeps `last.ckpt` fresh: after each epoch and every few minutes between.

    It is written only right after an optimizer step, so that resuming repeats no part of an accumulation; and not
    between an epoch's last step and its validation, since Lightning would go on without that validation.

    Args:
        path: the file.
        every_seconds: time between two saves inside an epoch.
        every_steps: optimizer steps between two saves inside an epoch, if that is sooner.
    """

    def __init__(self, path: Path, every_seconds: float = 300, every_steps: int | None = None) -> None:
        self.path = path
        self.every_seconds = every_seconds
        self.every_steps = every_steps
        self.saved_at = time.monotonic()
        self.saved_step = -1
        self.epoch_done = False
        self.row: dict[str, float] = {}
        self.started = self._resumed = time.time()
        self._seconds = 0.0

    @property
    def seconds(self) -> float:
        """How long the run has taken so far, with what came before it was resumed."""
        return self._seconds + time.time() - self._resumed

    def save(self, trainer: pl.Trainer) -> None:
        """Write the checkpoint now, unless it is of this step already."""
        if self.saved_step < trainer.global_step or not self.path.is_file():
            self.row = {} if self.epoch_done else step_figures(trainer)
            trainer.save_checkpoint(self.path)
            self.saved_step = trainer.global_step
        self.saved_at = time.monotonic()

    def state_dict(self) -> dict[str, Any]:
        """The figures of the step, which the loggers get only after its checkpoint: a kill between loses none.

        Beside them when the run began, seconds since the epoch, and how long it has taken.
        """
        return {"row": self.row, "started": self.started, "seconds": self.seconds}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on counting the run's time."""
        self.started = state_dict.get("started", self.started)
        self._seconds = state_dict.get("seconds", 0.0)

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Count from the step that the run starts at."""
        self.saved_step, self.saved_at = trainer.global_step, time.monotonic()

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Save when it is due, between epochs' ends: the last batch of an epoch is saved after its validation."""
        self.epoch_done = batch_idx + 1 >= trainer.num_training_batches
        if at_whole_step(trainer, batch_idx) and trainer.strategy.broadcast(self._due(trainer, batch_idx)):
            self.save(trainer)

    def _due(self, trainer: pl.Trainer, batch_idx: int) -> bool:
        # Lightning counts an epoch that `max_steps` cuts short as a whole one: it must be saved before that.
        if trainer.global_step >= trainer.max_steps >= 0:
            return True
        if self.every_steps is not None and trainer.global_step - self.saved_step >= self.every_steps:
            return True
        before_last = batch_idx + 1 + trainer.accumulate_grad_batches >= trainer.num_training_batches
        seconds = min(self.every_seconds, _SECONDS_BEFORE_VALIDATION) if before_last else self.every_seconds
        return time.monotonic() - self.saved_at >= seconds

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Save after the epoch and its validation."""
        if self.epoch_done:
            self.save(trainer)


def step_figures(trainer: pl.Trainer) -> dict[str, float]:
    """The figures of the optimizer step that has just ended, as metrics.csv will hold them; none where it will not."""
    # The trainer has it; its class does not declare it.
    if trainer.global_step % trainer.log_every_n_steps:  # type: ignore[attr-defined]
        return {}
    kept = {name: float(value) for name, value in trainer.logged_metrics.items() if not name.startswith(_OF_EPOCHS)}
    return {"step": trainer.global_step - 1, "epoch": trainer.current_epoch, **kept}


def at_whole_step(trainer: pl.Trainer, batch_idx: int) -> bool:
    """Whether a run can be saved, and later resumed, at the end of a batch."""
    done = batch_idx + 1
    return done % trainer.accumulate_grad_batches == 0 and done < trainer.num_training_batches


class Stopper(Callback):
    """Stops a run where it can be resumed: after a whole optimizer step, or after an epoch's validation.

    It is raised before the next step, since the figures of the one that is saved are written in between.

    Args:
        checks: each is asked there whether the run must stop.
        last: the checkpoint that is written then.
    """

    def __init__(self, checks: Sequence[Check], last: LastCheckpoint) -> None:
        self.checks = checks
        self.last = last
        self.stop: BaseException | None = None

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Stop the run whose state is saved."""
        if self.stop is not None:
            raise self.stop

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Ask after a whole step."""
        if at_whole_step(trainer, batch_idx):
            self.ask(trainer)

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Ask after the validation."""
        self.ask(trainer)

    def ask(self, trainer: pl.Trainer) -> None:
        """Save and prepare to stop when a check of any process says so; a run at its last step just ends."""
        step = trainer.global_step
        stop = next((stop for check in self.checks if (stop := check(step)) is not None), None)
        wanted = trainer.strategy.reduce_boolean_decision(stop is not None, all=False)
        if wanted and not step >= trainer.max_steps >= 0:
            self.last.save(trainer)
            self.stop = stop or FashionError(f"stopped at step {step}, as another process of this run had to stop")
