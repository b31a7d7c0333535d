"""Dashboards: metrics.csv always, TensorBoard and Weights & Biases by choice."""

from __future__ import annotations

import logging
import netrc
import os
import uuid
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pytorch_lightning.loggers import TensorBoardLogger
from pytorch_lightning.loggers.logger import Logger

from imatfashion.config.resume import load_config
from imatfashion.config.schema import AugmentConfig, Config, LoggerConfig
from imatfashion.data.augment import Augmenter
from imatfashion.training.metrics_file import MetricsFile
from imatfashion.training.place import is_main_process

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from imatfashion.training.mask_panel import MaskPanel

_logger = logging.getLogger(__name__)


def make_loggers(
    config: LoggerConfig, run_dir: Path, *, first_step: int, offline: bool, last_row: dict[str, float] | None = None
) -> list[Logger]:
    """The loggers of a run.

    Args:
        config: which dashboards.
        run_dir: where they write.
        first_step: the optimizer step that the run starts or resumes at.
        offline: do not use the network even when the user is logged in.
        last_row: the figures of the step before, which metrics.csv may lack.
    """
    loggers: list[Logger] = [MetricsFile(run_dir / "metrics.csv", first_step, last_row)]
    if config.tensorboard:
        # Figures past the resumed checkpoint are purged, as those of metrics.csv are.
        loggers.append(
            TensorBoardLogger(
                run_dir, name="", version="tensorboard", default_hp_metric=False, purge_step=first_step or None
            )
        )
    if config.wandb:
        loggers.append(_wandb(config, run_dir, offline))
    return loggers


def _wandb(config: LoggerConfig, run_dir: Path, offline: bool) -> Logger:
    from pytorch_lightning.loggers import WandbLogger

    # Lightning would start the run itself, with settings that wandb warns about.
    run = _start_wandb(config, run_dir, offline) if is_main_process() else None
    return WandbLogger(project=config.project, save_dir=run_dir, experiment=run)


def _start_wandb(config: LoggerConfig, run_dir: Path, offline: bool) -> Any:
    import wandb

    os.environ.setdefault("WANDB_SILENT", "true")
    # wandb watches imports, and fails where a forked loader process makes one; so theirs are made here.
    Augmenter(AugmentConfig())
    id_file = run_dir / "wandb_id.txt"
    if not id_file.is_file():
        id_file.write_text(uuid.uuid4().hex[:8], encoding="utf-8")
    start = partial(
        wandb.init,
        project=config.project,
        name=run_dir.name,
        id=id_file.read_text(encoding="utf-8"),
        dir=run_dir,
        config=asdict(load_config(run_dir, Config)),
        resume="allow",
    )
    try:
        run = start(mode=_wandb_mode(offline))
    except (wandb.errors.CommError, wandb.errors.AuthenticationError) as error:
        _logger.warning("wandb: %s; the run is written offline, to be sent with: wandb sync %s/wandb/*", error, run_dir)
        # Its service still holds the run that it could not begin.
        wandb.teardown()
        run = start(mode="offline")
    # As Lightning does: the figures over the optimizer step.
    run.define_metric("trainer/global_step")
    run.define_metric("*", step_metric="trainer/global_step", step_sync=True)
    return run


def _wandb_mode(offline: bool) -> Any:
    """The user's own WANDB_MODE; without it `online` where that asks no question, else `offline`."""
    wanted = os.environ.get("WANDB_MODE")
    if offline and wanted != "disabled":
        return "offline"
    return wanted or ("online" if _logged_in() else "offline")


def _logged_in() -> bool:
    """Whether credentials for wandb are there: in the environment, or in the netrc file that `wandb login` writes."""
    if os.environ.get("WANDB_API_KEY") or os.environ.get("WANDB_IDENTITY_TOKEN_FILE"):
        return True
    host = urlsplit(os.environ.get("WANDB_BASE_URL", "https://api.wandb.ai")).hostname or ""
    path = os.environ.get("NETRC", Path.home() / ("_netrc" if os.name == "nt" else ".netrc"))
    try:
        return netrc.netrc(path).authenticators(host) is not None
    except (OSError, netrc.NetrcParseError):
        return False


def log_picture(loggers: list[Logger], name: str, picture: npt.NDArray[np.uint8], step: int) -> None:
    """Show a picture, uint8 (H, W, 3), on the dashboards."""
    for logger in loggers:
        if isinstance(logger, TensorBoardLogger):
            logger.experiment.add_image(name, picture, step, dataformats="HWC")
        elif hasattr(logger, "log_image"):
            logger.log_image(name, [picture], step)


def log_masks(loggers: list[Logger], name: str, panel: MaskPanel, step: int) -> None:
    """Show photos with their label maps on wandb, which draws them itself."""
    for logger in loggers:
        if hasattr(logger, "log_image"):
            logger.log_image(name, panel.photos, step, masks=panel.masks, caption=panel.captions)


def close_loggers(loggers: list[Logger], *, failed: bool) -> None:
    """Finish every dashboard; without it a multirun's jobs would run together in one wandb run."""
    for logger in loggers:
        logger.finalize("failed" if failed else "success")
    if any(type(logger).__name__ == "WandbLogger" for logger in loggers):
        import wandb

        wandb.finish(exit_code=int(failed))
