"""A loss that is not finite: the run stops with its last good state, or leaves the step out; the batch is saved."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback
from safetensors.torch import save_file
from torch import Tensor

from imatfashion.config.arguments import resume_command
from imatfashion.data.collate import Batch
from imatfashion.errors import FashionError
from imatfashion.training.last_good import LastGood
from imatfashion.training.summary import write_json

_logger = logging.getLogger(__name__)

MOST_IN_A_ROW = 20
"""Steps that may be skipped one after the other; more mean that the weights themselves are spoilt."""


class NanGuard(Callback):
    """Looks at loss and gradients before each optimizer step.

    With `16-mixed` only the loss counts: gradients that overflow are normal there, and its scaler leaves those steps
    out itself.

    Args:
        run_dir: where the batch is saved.
        skip: leave the step out instead of stopping.
        last_good: saves the state before the step.
    """

    def __init__(self, run_dir: Path, *, skip: bool, last_good: LastGood) -> None:
        self.run_dir = run_dir
        self.skip = skip
        self.last_good = last_good
        self.skipped = self.in_a_row = 0
        self._batches: list[Batch] = []
        self._losses: list[Tensor] = []

    def state_dict(self) -> dict[str, Any]:
        """The count goes on in a resumed run."""
        return {"skipped": self.skipped}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """The count of the run so far."""
        self.skipped = int(state_dict["skipped"])

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Hold the micro-batches of a step until it is done."""
        if batch_idx % trainer.accumulate_grad_batches == 0:
            self._batches, self._losses = [], []
        self._batches.append(batch)

    def on_before_backward(self, trainer: pl.Trainer, pl_module: pl.LightningModule, loss: Tensor) -> None:
        """Hold the losses: looking at each at once would make a GPU wait."""
        self._losses.append(loss.detach())

    def on_before_optimizer_step(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, optimizer: torch.optim.Optimizer
    ) -> None:
        """Stop or leave the step out where something is not finite; all processes do the same."""
        losses = torch.stack(self._losses)
        finite = losses.isfinite().all()
        if trainer.precision != "16-mixed":
            gradients = [value.grad for value in pl_module.parameters() if value.grad is not None]
            finite = finite & torch.nn.utils.get_total_norm(gradients).isfinite()
        if not trainer.strategy.reduce_boolean_decision(not bool(finite), all=False):
            self.in_a_row = 0
            return
        self._not_finite(trainer, losses.cpu())
        # AdamW leaves out a parameter without a gradient: weights, moments and its count of steps stay.
        optimizer.zero_grad(set_to_none=True)

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Log how many steps were left out so far, where any was."""
        if self.skipped:
            pl_module.log("train/skipped_steps", float(self.skipped), rank_zero_only=True)

    def _not_finite(self, trainer: pl.Trainer, losses: Tensor) -> None:
        bad = [index for index, loss in enumerate(losses) if not loss.isfinite()]
        reason = f"the loss is {float(losses[bad[0]])}" if bad else "the gradients are not finite"
        file = self.run_dir / (f"nan_batch_{trainer.global_rank}" if trainer.global_rank else "nan_batch")
        # Where the gradients alone are wrong, any of the step's micro-batches may be the cause.
        photos = _photos(trainer, [self._batches[index] for index in bad] or self._batches)
        where = f"{reason} at step {trainer.global_step} ({_some(photos)})"
        self.in_a_row += 1
        if self.skip and self.in_a_row <= MOST_IN_A_ROW:
            self._skip(trainer, file, where, photos, bad)
            return
        self._save(file, trainer, where, photos, bad)
        kept = self._kept(trainer)
        if self.skip:
            raise FashionError(
                f"{where}, and so it was for {MOST_IN_A_ROW} steps before: the last of these batches is in "
                f"{file}.safetensors, {kept}; start again with a lower schedule.rate_factor"
            )
        raise FashionError(
            f"{where}: the batch is in {file}.safetensors, {kept}; look at those photos, or leave such steps out "
            f"with: {resume_command(self.run_dir, 'trainer.on_nan=skip')}"
        )

    def _kept(self, trainer: pl.Trainer) -> str:
        there = self.last_good.save(trainer)
        return "the last good state in checkpoints/last.ckpt" if there else "and there was no good step to save"

    def _skip(self, trainer: pl.Trainer, file: Path, where: str, photos: list[str], bad: list[int]) -> None:
        self.last_good.restore_buffers()
        self.skipped += 1
        told = ""
        if self.skipped == 1:
            self._save(file, trainer, where, photos, bad)
            told = f"; the batch is in {file}.safetensors"
        _logger.warning("%s: left out, %d so far%s", where, self.skipped, told)

    def _save(self, file: Path, trainer: pl.Trainer, reason: str, photos: list[str], bad: list[int]) -> None:
        """The micro-batches that may be the cause: tensors `INDEX/NAME`, and a JSON of what they are."""
        kept = bad or range(len(self._batches))
        tensors = {
            f"{index}/{name}": value.cpu().contiguous()
            for index in kept
            for name, value in self._batches[index].items()
            if isinstance(value, Tensor)
        }
        aside = file.with_suffix(".tmp")
        save_file(tensors, aside)
        aside.replace(file.with_suffix(".safetensors"))
        found = {"step": trainer.global_step, "epoch": trainer.current_epoch, "reason": reason, "photos": photos}
        write_json(file.with_suffix(".json"), found)


def _photos(trainer: pl.Trainer, batches: list[Batch]) -> list[str]:
    table = trainer.datamodule.truth  # type: ignore[attr-defined]
    return [table.name(index) for batch in batches for index in batch["photo"].tolist()]


def _some(names: list[str]) -> str:
    return "photos " + ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
