"""A run that a sweep finds hopeless stops early."""

from __future__ import annotations

from pathlib import Path

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Callback

from imatfashion.config.pruning import Judge, Pruned
from imatfashion.training.limits import saved


class Pruning(Callback):
    """Asks the sweep after each validation; as a check of `Stopper` it then stops the run.

    Args:
        judge: who is asked.
        monitor: name of the figure that is judged.
        run_dir: named in the message.
    """

    def __init__(self, judge: Judge, monitor: str, run_dir: Path) -> None:
        self.judge = judge
        self.monitor = monitor
        self.run_dir = run_dir
        self.stop: Pruned | None = None

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Ask."""
        value = trainer.callback_metrics.get(self.monitor)
        if trainer.sanity_checking or value is None:
            return
        epochs = trainer.current_epoch + 1
        if reason := self.judge(epochs, float(value)):
            self.stop = Pruned(f"stopped early with {self.monitor} {float(value):.4f}: {reason}; {saved(self.run_dir)}")

    def __call__(self, step: int) -> Pruned | None:
        """What to raise once the run is found hopeless."""
        return self.stop
