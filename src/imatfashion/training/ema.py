"""An exponential moving average of the weights, on Lightning's own callback.

Lightning swaps the average in for validation, and saves it as a checkpoint's `state_dict`, with the weights that are
trained beside it: what reads a checkpoint gets the average, and a resumed run goes on with both.
"""

from __future__ import annotations

from collections.abc import Sequence

import pytorch_lightning as pl
from pytorch_lightning.callbacks import WeightAveraging
from torch import Tensor
from torch.optim.swa_utils import get_ema_multi_avg_fn


class MovingAverage(WeightAveraging):
    """Averages weights and batch-norm statistics after each optimizer step; other buffers (counters) are copied.

    After step t (from 0) the average keeps min(decay, (1 + t) / (10 + t)) of itself: the first weights are forgotten
    fast, whatever the decay.

    Args:
        decay: share that is kept in the long run.
        device: `cuda` (the process's own device) or `cpu`: where the average lies.
    """

    def __init__(self, decay: float, device: str = "cpu") -> None:
        def average(averages: Sequence[Tensor], weights: Sequence[Tensor], step: Tensor | int) -> None:
            update(averages, weights, min(decay, (1 + int(step)) / (10 + int(step))))

        super().__init__(device=device, multi_avg_fn=average)

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Swap the average in."""
        super().on_validation_epoch_start(trainer, pl_module)

    def on_validation_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Nothing: it is in."""

    def on_validation_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Nothing: what is drawn at the end of the validation is to show the average too."""

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Swap it out."""
        super().on_validation_epoch_end(trainer, pl_module)


def update(averages: Sequence[Tensor], weights: Sequence[Tensor], decay: float) -> None:
    """Move averages towards weights, in place: floating ones keep `decay` of themselves, others are copied."""
    if averages[0].is_floating_point():
        get_ema_multi_avg_fn(decay)(list(averages), list(weights), 0)  # type: ignore[no-untyped-call]
        return
    # torch would average whole numbers too, and cut: an index of 3 may become 2.
    for average, weight in zip(averages, weights, strict=True):
        average.copy_(weight)
