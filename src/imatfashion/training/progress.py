"""The speed of a run on the dashboard."""

from __future__ import annotations

import time
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Callback


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

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
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
        """Log the run's figures so far; a run that is resumed here has none yet."""
        if not self.images:
            return
        pl_module.log("train/images_per_second", self.images_per_second, rank_zero_only=True)
        pl_module.log("train/loader_wait", self.waited / max(self.seconds, 1e-9), rank_zero_only=True)

    @property
    def images_per_second(self) -> float:
        """Photos trained on in a second, over all devices."""
        return self.images / max(self.seconds, 1e-9)
