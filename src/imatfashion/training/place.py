"""Where a run is written, and which of its processes writes."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path

from pytorch_lightning.utilities import rank_zero_only

from imatfashion.config.arguments import argument
from imatfashion.config.schema import Config
from imatfashion.errors import FashionError
from imatfashion.models.checkpoint_file import read_checkpoint


def is_main_process() -> bool:
    """Whether this process writes: the only one, or rank 0 of several (torchrun, SLURM, Lightning's own)."""
    return int(getattr(rank_zero_only, "rank", 0)) == 0


def place_of(config: Config) -> Path:
    """The run directory.

    Raises:
        FashionError: another run is there already, or several processes would choose a name each.
    """
    if config.resume:
        return Path(config.resume)
    several = config.gpu.devices * config.gpu.nodes > 1 or int(os.environ.get("WORLD_SIZE", "1")) > 1
    if several and config.run_dir is None:
        raise FashionError("several processes need one place to write to: give run_dir=DIR")
    kind = "check-" if config.check else "rates-" if config.trainer.lr_find else ""
    name = f"{kind}{config.stage.name}-{config.resolution}-{datetime.now():%Y%m%d-%H%M%S}"
    run_dir = Path(config.run_dir or Path("runs") / name)
    check_free(config, run_dir)
    return run_dir


def check_free(config: Config, run_dir: Path) -> None:
    """Refuse a directory that already holds a run, for a new one.

    Raises:
        FashionError: it does.
    """
    if not config.resume and is_main_process() and (run_dir / "config.yaml").exists():
        resume = argument("resume", run_dir)
        raise FashionError(f"{run_dir} already holds a run: go on with it ({resume}) or give another run_dir=")


def last_checkpoint(config: Config, run_dir: Path) -> Path | None:
    """The checkpoint to go on from; a run that was stopped before its first one starts anew."""
    last = run_dir / "checkpoints" / "last.ckpt"
    return last if config.resume and last.is_file() else None


def row_of(checkpoint: Path | None) -> dict[str, float]:
    """The row of metrics.csv that belongs to a checkpoint's last step; empty where it was in the file before."""
    content = read_checkpoint(checkpoint) if checkpoint else {}
    return dict(content.get("callbacks", {}).get("LastCheckpoint", {}).get("row", {}))


def step_of(checkpoint: Path | None) -> int:
    """The optimizer step that a checkpoint was written at; 0 without one."""
    return int(read_checkpoint(checkpoint)["global_step"]) if checkpoint else 0
