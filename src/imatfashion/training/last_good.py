"""The state after the last whole step, saved after a fault that came in the middle of the next one."""

from __future__ import annotations

import contextlib
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback
from torch import Tensor

from imatfashion.errors import FashionError
from imatfashion.training.callbacks import LastCheckpoint, at_whole_step
from imatfashion.training.memory_faults import is_out_of_memory


class LastGood(Callback):
    """Saves the state that the last whole optimizer step left.

    Until the optimizer starts, weights and moments are as the step before left them. What a forward pass changes
    (batch-norm statistics) and Lightning's counters are kept aside, so that no copy of the weights is needed.

    Args:
        last: the checkpoint that is written.
    """

    def __init__(self, last: LastCheckpoint) -> None:
        self.last = last
        self._buffers: list[tuple[Tensor, Tensor]] = []
        self._kept: dict[str, Any] | None = None
        self._stepping = self._saving = False

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Keep the network's buffers when a step begins."""
        if batch_idx % trainer.accumulate_grad_batches:
            return
        if not self._buffers:
            self._buffers = [(buffer, buffer.clone()) for buffer in pl_module.network.buffers()]  # type: ignore[union-attr]
        for buffer, kept in self._buffers:
            kept.copy_(buffer)

    def on_before_optimizer_step(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, optimizer: torch.optim.Optimizer
    ) -> None:
        """From here on the weights may be half new."""
        self._stepping = True

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Keep the counters after a step that can be resumed."""
        if (batch_idx + 1) % trainer.accumulate_grad_batches == 0:
            self._keep(trainer if at_whole_step(trainer, batch_idx) else None)

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Keep the counters after the validation."""
        self._keep(trainer)

    def _keep(self, trainer: pl.Trainer | None) -> None:
        self._stepping = False
        self._kept = None
        if trainer is not None:
            self._kept = {"epoch": trainer.current_epoch, "fit_loop": trainer.fit_loop.state_dict()}

    @torch.no_grad()
    def restore_buffers(self) -> None:
        """Undo what this step's forward passes did to the network's buffers."""
        for buffer, kept in self._buffers:
            buffer.copy_(kept)

    def save(self, trainer: pl.Trainer) -> bool:
        """Save the state after the last whole step, where it is still there and not saved yet.

        Returns:
            Whether there is a checkpoint, this one or an older one.
        """
        if self._kept is not None and not self._stepping:
            self.restore_buffers()
            self._saving = True
            try:
                self.last.save(trainer)
            finally:
                self._saving = False
        return self.last.path.is_file()

    def on_save_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Put the kept counters in the place of those of the step that failed."""
        if self._saving and self._kept is not None:
            checkpoint["epoch"] = self._kept["epoch"]
            checkpoint["loops"]["fit_loop"] = self._kept["fit_loop"]

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        """Out of memory: lose no step. Several processes would wait here for one another."""
        if is_out_of_memory(exception) and trainer.world_size == 1:
            # Without memory the save may fail too: the older checkpoint stays then.
            with contextlib.suppress(MemoryError, RuntimeError, FashionError):
                self.save(trainer)
