"""SIGTERM, as platforms send it, and Ctrl-C: the run ends in a checkpoint and a sentence."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, NoReturn

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Callback

from imatfashion.config.arguments import resume_command
from imatfashion.errors import Interrupted
from imatfashion.training.limits import saved

_NAMES = {signal.SIGINT: "Ctrl-C", signal.SIGTERM: "SIGTERM"}


class StopSignals(Callback):
    """Handles the two signals while its `with` block runs, and tells Lightning's loop to stop.

    During training steps a signal is kept until the step is whole; everywhere else (validation, evaluation), and when
    it comes again, it stops the run at once. Lightning alone saves nothing, or weights in the middle of a step, and
    would also stop in the middle of an accumulation.

    Args:
        run_dir: the run directory.
    """

    def __init__(self, run_dir: Path) -> None:
        self.run_dir = run_dir
        self.process = os.getpid()
        self.received: signal.Signals | None = None
        self.training = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> StopSignals:
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.getsignal(number) for number in _NAMES}
            self._install()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            # None where C code had set it: it cannot be set again from here.
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        self._before = {}

    def _install(self) -> None:
        for number in self._before:
            signal.signal(number, self._handle)

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Take the place of Lightning's handler, which stops in the middle of an accumulation."""
        self._install()

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """From here on a signal waits for the end of the step; not in an epoch's last step, which is saved later."""
        micro_batches = trainer.accumulate_grad_batches
        step_ends_at = (batch_idx // micro_batches + 1) * micro_batches
        self.training = step_ends_at < trainer.num_training_batches

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """From here on a signal stops at once: validation changes nothing that could be saved."""
        self._stop_waiting()

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """From here on a signal stops at once: the last step is saved."""
        self._stop_waiting()

    def _stop_waiting(self) -> None:
        self.training = False
        if self.received is not None:
            self._stop_now(self.received)

    def __call__(self, step: int) -> Interrupted | None:
        """The check of `Stopper`."""
        if self.received is None:
            return None
        return Interrupted(f"stopped by {_NAMES[self.received]} at step {step}: {saved(self.run_dir)}", self.received)

    def _handle(self, signum: int, frame: FrameType | None) -> None:
        number = signal.Signals(signum)
        if os.getpid() != self.process:
            # A loader process that has just been forked: the parent decides.
            return
        if self.received is None and self.training:
            self.received = number
            return
        self._stop_now(number)

    def _stop_now(self, number: signal.Signals) -> NoReturn:
        there = (self.run_dir / "checkpoints" / "last.ckpt").is_file()
        kept = "the last checkpoint is kept; go on" if there else "there is no checkpoint yet; start it again"
        raise Interrupted(f"stopped by {_NAMES[number]}: {kept} with: {resume_command(self.run_dir)}", number)
