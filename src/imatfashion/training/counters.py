"""Lightning's counts in a checkpoint, brought to what the resumed run needs."""

from __future__ import annotations

from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Callback


class StepCounts(Callback):
    """Mends two counts before Lightning reads them.

    Lightning counts micro-batches; a run is resumed from its optimizer steps. When another GPU or batch has changed how
    many micro-batches a step adds up, an epoch that is resumed in its middle would end too early or too late, without
    its validation.

    And a checkpoint of an epoch's end is written before Lightning counts the epoch as completed. Where the steps end a
    run, not the epochs, as here, Lightning counts such an epoch twice after resuming: the next one would get the order
    of photos of the one after it.
    """

    def on_load_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Rewrite the counts."""
        loops, step = checkpoint["loops"]["fit_loop"], checkpoint["global_step"]
        if step:
            _count_micro_batches(loops["epoch_loop.batch_progress"], step, trainer.accumulate_grad_batches)
        total = loops["epoch_progress"]["total"]
        if total["processed"] == total["started"] == total["completed"] + 1:
            for counts in loops["epoch_progress"].values():
                counts["processed"] -= 1
            # The step of the loggers, which goes up at an epoch's end too.
            loops["epoch_loop.state_dict"]["_batches_that_stepped"] -= 1


def _count_micro_batches(progress: dict[str, Any], step: int, now: int) -> None:
    """Count as if every step so far had added up `now` micro-batches."""
    before = progress["total"]["processed"] // step
    for counts in (progress["total"], progress["current"]):
        # A checkpoint of mid-epoch is written before its last batch counts as completed.
        unfinished = counts["processed"] - counts["completed"]
        for name in ("ready", "started", "processed"):
            counts[name] = counts[name] // before * now
        counts["completed"] = counts["processed"] - unfinished
