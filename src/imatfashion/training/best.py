"""The checkpoint with the best monitored figure."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import ModelCheckpoint

_logger = logging.getLogger(__name__)


class BestCheckpoint(ModelCheckpoint):
    """Keeps `best.ckpt` after each validation, also in a run directory that was moved or copied.

    Args:
        folder: where checkpoints lie.
        monitor: the figure that is compared.
        mode: `max` or `min`: which figure is better.
    """

    def __init__(self, folder: Path, monitor: str, mode: str) -> None:
        super().__init__(
            folder, "best", monitor=monitor, mode=mode, enable_version_counter=False, save_on_train_epoch_end=False
        )
        self._warned = False

    @property
    def state_key(self) -> str:
        """Lightning's own class has it in older checkpoints, which are gone on with."""
        return super().state_key.replace(type(self).__qualname__, ModelCheckpoint.__qualname__, 1)

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from a state, whose files lie in this folder now: Lightning forgets the best of another folder."""
        paths = ("best_model_path", "kth_best_model_path", "last_model_path")
        best = {self._here(path): score for path, score in state_dict.get("best_k_models", {}).items()}
        moved = {name: self._here(state_dict.get(name, "")) for name in paths}
        super().load_state_dict({**state_dict, **moved, "best_k_models": best, "dirpath": self.dirpath})

    def _here(self, path: str) -> str:
        return str(Path(str(self.dirpath)) / Path(path).name) if path else ""

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Save if this is the best; a validation without the figure, which Lightning ends a run for, says nothing."""
        if self.monitor in trainer.callback_metrics or trainer.sanity_checking:
            super().on_validation_end(trainer, pl_module)
        elif not self._warned and trainer.is_global_zero:
            self._warned = True
            _logger.warning(
                "the validation gave no %s: with no figure to compare, the last state counts as the best", self.monitor
            )
