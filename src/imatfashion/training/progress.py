"""How a run shows its progress: the bar at the terminal, the speed on the dashboard."""

from __future__ import annotations

import contextlib
import time
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Callback, TQDMProgressBar


class ProgressBar(TQDMProgressBar):
    """Lightning's bar with the monitored figure; ended when the run is stopped, before the sentence that says why."""

    def get_metrics(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule
    ) -> dict[str, int | str | float | dict[str, float]]:
        """The loss of this step and the monitored figure of the last validation."""
        shown = super().get_metrics(trainer, pl_module)
        # The name of TensorBoard's folder says nothing here.
        shown.pop("v_num", None)
        for name in ("train/loss", str(getattr(pl_module, "monitor", ""))):
            if name in trainer.callback_metrics:
                shown[name] = f"{float(trainer.callback_metrics[name]):.3f}"
        return shown

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        """End the bars that are open."""
        # A bar that has not begun is a TypeError.
        with contextlib.suppress(TypeError):
            self.train_progress_bar.close()
            self.val_progress_bar.close()


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
        """Log the run's figures so far."""
        pl_module.log("train/images_per_second", self.images_per_second, rank_zero_only=True)
        pl_module.log("train/loader_wait", self.waited / max(self.seconds, 1e-9), rank_zero_only=True)

    @property
    def images_per_second(self) -> float:
        """Photos trained on in a second, over all devices."""
        return self.images / max(self.seconds, 1e-9)
