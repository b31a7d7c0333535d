"""Dashboards: metrics.csv always, TensorBoard and Weights & Biases by choice."""

from __future__ import annotations

import os
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

from pytorch_lightning.loggers import TensorBoardLogger
from pytorch_lightning.loggers.logger import Logger

from imatfashion.config.schema import LoggerConfig
from imatfashion.training.metrics_file import MetricsFile

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


def make_loggers(config: LoggerConfig, run_dir: Path, *, first_step: int, offline: bool) -> list[Logger]:
    """The loggers of a run.

    Args:
        config: which dashboards.
        run_dir: where they write.
        first_step: the optimizer step that the run starts or resumes at.
        offline: do not use the network even when the user is logged in.
    """
    loggers: list[Logger] = [MetricsFile(run_dir / "metrics.csv", first_step)]
    if config.tensorboard:
        # Figures past the resumed checkpoint are purged, as those of metrics.csv are.
        loggers.append(TensorBoardLogger(run_dir, name="", version="tensorboard", purge_step=first_step or None))
    if config.wandb:
        loggers.append(_wandb(config, run_dir, offline))
    return loggers


def _wandb(config: LoggerConfig, run_dir: Path, offline: bool) -> Logger:
    from pytorch_lightning.loggers import WandbLogger

    id_file = run_dir / "wandb_id.txt"
    if not id_file.is_file():
        id_file.write_text(uuid.uuid4().hex[:8], encoding="utf-8")
    os.environ.setdefault("WANDB_SILENT", "true")
    return WandbLogger(
        project=config.project,
        name=run_dir.name,
        id=id_file.read_text(encoding="utf-8"),
        save_dir=run_dir,
        offline=offline or not _logged_in(),
        resume="allow",
    )


def _logged_in() -> bool:
    import wandb

    # Asked without a prompt: the key comes from the environment, the settings or the user's netrc file.
    return bool(os.environ.get("WANDB_API_KEY") or wandb.api.api_key)


def log_picture(loggers: list[Logger], name: str, picture: npt.NDArray[np.uint8], step: int) -> None:
    """Show a picture, uint8 (H, W, 3), on the dashboards."""
    for logger in loggers:
        if isinstance(logger, TensorBoardLogger):
            logger.experiment.add_image(name, picture, step, dataformats="HWC")
        elif hasattr(logger, "log_image"):
            logger.log_image(name, [picture])


def close_loggers(loggers: list[Logger], *, failed: bool) -> None:
    """Finish every dashboard; without it a multirun's jobs would run together in one wandb run."""
    for logger in loggers:
        logger.finalize("failed" if failed else "success")
    if any(type(logger).__name__ == "WandbLogger" for logger in loggers):
        import wandb

        wandb.finish(exit_code=int(failed))
