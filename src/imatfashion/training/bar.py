"""What a run shows while it goes: a bar at a terminal, a line an epoch everywhere else."""

from __future__ import annotations

import os
import sys
import time
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Callback
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Column

from imatfashion.training.pace import Pace, duration

# Seconds between two pictures of the bar. It is drawn here and by no thread: loader processes are forked meanwhile.
_EVERY = 0.2
# Columns of a terminal below which only the last figure stands beside the bar: with both it would have no room.
_NARROW = 100
# Steps after which the time of the whole run is told where there is no bar.
_TELL_AFTER = 20


def at_terminal() -> bool:
    """Whether a bar can be drawn on stdout: not in a file, a pipe, a notebook, or the log of a CI job."""
    return sys.stdout.isatty() and os.environ.get("TERM") != "dumb" and not os.environ.get("CI")


class ProgressBar(Callback):
    """Shows step, speed, the monitored figure and the time left of the whole run.

    Args:
        steps: optimizer steps of the whole run.
        steps_per_epoch: of an epoch.
        batch: photos of a step.
        console: where to draw; stdout by default.
    """

    def __init__(self, steps: int, steps_per_epoch: int, batch: int, console: Console | None = None) -> None:
        self.pace = Pace(steps, steps_per_epoch, batch)
        self.epochs = -(-steps // steps_per_epoch)
        self.console = console
        self._bar: Progress | None = None
        self._drawn_at = self._validation_began = 0.0
        self._monitor, self._done = "", 0

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Begin at the step that the run starts or resumes at."""
        self._monitor = str(getattr(pl_module, "monitor", ""))
        if not trainer.is_global_zero or not (self.console or at_terminal()):
            return
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=None, table_column=Column(ratio=1, min_width=8)),
            TextColumn("{task.completed}/{task.total}"),
            TextColumn("{task.fields[said]}", table_column=Column(no_wrap=True)),
            console=self.console or Console(file=sys.stdout),
            auto_refresh=False,
            expand=True,
        )
        self._bar.add_task("", total=self.pace.steps, completed=trainer.global_step, said="")
        self._bar.start()

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Do not count the time between epochs."""
        self.pace.begin()
        self._draw(trainer, f"epoch {trainer.current_epoch + 1}/{self.epochs}", force=True)

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Draw the bar, now and then."""
        if (batch_idx + 1) % trainer.accumulate_grad_batches:
            return
        self.pace.step()
        self._done += 1
        self._draw(trainer, f"epoch {trainer.current_epoch + 1}/{self.epochs}")
        if self._done == _TELL_AFTER < self.pace.steps_per_epoch and self._is_plain(trainer):
            self._print(f"after {_TELL_AFTER} steps: {self._speed(trainer.global_step)}, validation not counted")

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Validation has its own time."""
        self._validation_began = time.perf_counter()

    def on_validation_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Show that validation goes on."""
        batches = trainer.num_val_batches
        total = sum(batches) if isinstance(batches, list) else batches
        self._draw(trainer, f"validation {batch_idx + 1}/{total}", force=batch_idx == 0)

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Its time is known."""
        self.pace.validated(time.perf_counter() - self._validation_began)

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """The line of the epoch where there is no bar."""
        self._draw(trainer, f"epoch {trainer.current_epoch + 1}/{self.epochs}", force=True)
        if self._is_plain(trainer) and self._done:
            where = f"epoch {trainer.current_epoch + 1}/{self.epochs} · step {trainer.global_step}/{self.pace.steps}"
            self._print(" · ".join([where, *self._figures(trainer), self._speed(trainer.global_step)]))

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """The bar stays as it is."""
        self._end()

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        """End the bar before the sentence that says why."""
        self._end()

    def _end(self) -> None:
        if self._bar is not None:
            self._bar.refresh()
            self._bar.stop()
            self._bar = None

    def _is_plain(self, trainer: pl.Trainer) -> bool:
        return self._bar is None and trainer.is_global_zero

    def _draw(self, trainer: pl.Trainer, words: str, *, force: bool = False) -> None:
        if self._bar is None or (not force and time.perf_counter() - self._drawn_at < _EVERY):
            return
        figures = self._figures(trainer)
        shown = figures[-1:] if self._bar.console.width < _NARROW else figures
        said = " · ".join([*shown, self._speed(trainer.global_step)])
        (task,) = self._bar.task_ids
        self._bar.update(task, description=words, completed=trainer.global_step, said=said)
        self._bar.refresh()
        self._drawn_at = time.perf_counter()

    def _figures(self, trainer: pl.Trainer) -> list[str]:
        """The loss of this step and the monitored figure of the last validation."""
        found = trainer.callback_metrics
        shown = {"loss": "train/loss", self._monitor: self._monitor}
        return [f"{words} {float(found[name]):.4f}" for words, name in shown.items() if name in found]

    def _speed(self, step: int) -> str:
        speed, left = self.pace.images_per_second, self.pace.left(step)
        if speed is None or left is None:
            return "measuring"
        return f"{speed:.1f} images/s · {duration(left)} to go"

    def _print(self, line: str) -> None:
        print(line, flush=True)  # noqa: T201
