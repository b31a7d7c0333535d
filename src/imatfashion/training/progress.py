"""The speed and the memory of a run on the dashboard."""

from __future__ import annotations

import time
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback

from imatfashion.training.usage import memory_gb

# A look at a processor's memory takes milliseconds.
_SECONDS_BETWEEN_LOOKS = 10


class Throughput(Callback):
    """Logs `train/images_per_second`, the share of time that the loop waited for the loader, and the memory.

    `train/memory_gb` is the most that was held so far, GB: of the first GPU what torch allocated there, on processors
    what this process and its loaders hold.

    Args:
        micro_batch: photos of a batch on this device.
    """

    def __init__(self, micro_batch: int) -> None:
        self.micro_batch = micro_batch
        self.images = 0
        self.seconds = 0.0
        self.waited = 0.0
        self.memory = 0.0
        self.looked = -float("inf")
        self.ended = self.started = time.perf_counter()

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Do not count the time between epochs; the new epoch's loaders are looked at in its first step."""
        self.ended = time.perf_counter()
        self.looked = -float("inf")

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
        if now - self.looked >= _SECONDS_BETWEEN_LOOKS:
            self._look(pl_module.device)
            self.looked = now
        # A look is neither a wait nor work.
        self.ended = time.perf_counter()

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Log the run's figures so far; a run that is resumed here has none yet."""
        if not self.images:
            return
        pl_module.log("train/images_per_second", self.images_per_second, rank_zero_only=True)
        pl_module.log("train/loader_wait", self.waited / max(self.seconds, 1e-9), rank_zero_only=True)
        self._look(pl_module.device)
        pl_module.log("train/memory_gb", self.memory, rank_zero_only=True)

    def _look(self, device: torch.device) -> None:
        held = torch.cuda.max_memory_allocated(device) / 1e9 if device.type == "cuda" else memory_gb()
        self.memory = max(self.memory, held)

    @property
    def images_per_second(self) -> float:
        """Photos trained on in a second, over all devices."""
        return self.images / max(self.seconds, 1e-9)
