"""What a few batches of a run take, and whether its checkpoint comes back whole."""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback
from torch import Tensor

from imatfashion.data.collate import Batch
from imatfashion.errors import FashionError
from imatfashion.models.checkpoint import load_checkpoint
from imatfashion.training.seen import to_device
from imatfashion.training.trainer import Run
from imatfashion.training.usage import memory_gb

PHOTOS = 8
"""Training photos that are kept to be looked at."""


@dataclass
class Measured(Callback):
    """What the batches of a dry run took, and the batches themselves.

    Attributes:
        run: the run that is tried.
        losses: of each step.
        train_seconds: of each micro-batch.
        val_seconds: of each validation batch.
        batches: the first training batches, on the CPU.
        checkpoint_gb: size of the checkpoint that was written.
        memory: most memory held after a batch, GB.
    """

    run: Run
    losses: list[float] = field(default_factory=list)
    train_seconds: list[float] = field(default_factory=list)
    val_seconds: list[float] = field(default_factory=list)
    batches: list[Batch] = field(default_factory=list)
    checkpoint_gb: float = 0.0
    memory: float = 0.0
    _since: float = 0.0

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """The first batch is on its way."""
        self._since = time.perf_counter()

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Keep the batch to be looked at."""
        if sum(len(kept["image"]) for kept in self.batches) < PHOTOS:
            self.batches.append(to_device(batch, torch.device("cpu")))

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """A step, with the wait for its batch."""
        # Reading the loss waits for a GPU.
        self.losses.append(float(outputs["loss"]))
        self.train_seconds.append(self._lap())

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """The first batch is on its way."""
        self._lap()

    def on_validation_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """A validation batch, with the wait for it."""
        if trainer.strategy.root_device.type == "cuda":
            torch.cuda.synchronize()
        self.val_seconds.append(self._lap())

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Write a checkpoint where the run would, and read it back.

        Raises:
            FashionError: it cannot be written, or what is read is not what was written.
        """
        with tempfile.TemporaryDirectory(dir=self.run.run_dir) as folder:
            path = Path(folder) / "checkpoints" / "last.ckpt"
            trainer.save_checkpoint(path)
            self.checkpoint_gb = path.stat().st_size / 1e9
            read, own = load_checkpoint(path)[1], self.run.task.network.state_dict()
            if not all(_equal(read[name], value.cpu()) for name, value in own.items()):
                raise FashionError(f"a checkpoint in {self.run.run_dir} does not come back as it was written: {path}")

    def _lap(self) -> float:
        now = time.perf_counter()
        seconds, self._since = now - self._since, now
        self.memory = max(self.memory, _memory_gb(self.run))
        return seconds


def _memory_gb(run: Run) -> float:
    if run.settings.accelerator == "cpu":
        return memory_gb()
    return float(torch.cuda.max_memory_reserved()) / 1e9


def _equal(one: Tensor, other: Tensor) -> bool:
    """Equality in which NaN equals NaN."""
    return one.shape == other.shape and bool(torch.allclose(one, other, rtol=0, atol=0, equal_nan=True))
