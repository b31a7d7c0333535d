"""Disk and files: whether what a run still has to write fits the platform."""

from __future__ import annotations

from pathlib import Path

from torch import nn

from imatfashion.config.schema import PlatformConfig
from imatfashion.errors import FashionError
from imatfashion.training.usage import folder_usage, largest_part

SHARE = 0.95
"""A run stops at this share of a limit."""

# Files of a run besides panels and dashboards: checkpoints, config, split, metrics, summary, evaluation and report,
# each with the file that is written aside of it, and the example pictures.
_OWN_FILES = 30
# First files of the dashboards, and a panel.
_DASHBOARD_FILES = 12
CHECKPOINTS = 3
"""last.ckpt, best.ckpt and the one that is being written beside them."""
# Pictures, figures and the report, GB.
_PICTURES_GB = 0.02


def checkpoint_gb(network: nn.Module, *, averaged: bool = False) -> float:
    """Size of a checkpoint, GB: the network's state (and its average) and AdamW's two moments of each parameter."""
    state = sum(value.numel() * value.element_size() for value in network.state_dict().values())
    moments = sum(2 * 4 * parameter.numel() for parameter in network.parameters())
    return float(state * (1 + averaged) + moments) / 1e9


def room_taken(limits: PlatformConfig, run_dir: Path, size_gb: float) -> str | None:
    """Why what the run still has to write does not fit; None when it fits.

    Args:
        limits: of the platform.
        run_dir: the run directory; it need not be there yet.
        size_gb: size of a checkpoint, GB.
    """
    return _disk_taken(limits.output_gb, run_dir, size_gb) or _files_taken(limits.max_files, run_dir)


def _disk_taken(limit: float | None, run_dir: Path, size_gb: float) -> str | None:
    used = folder_usage(run_dir).gb
    present = sum((run_dir / "checkpoints" / name).is_file() for name in ("last.ckpt", "best.ckpt"))
    to_write = CHECKPOINTS - present
    if limit is None or used + to_write * size_gb + _PICTURES_GB <= SHARE * limit:
        return None
    return (
        f"{run_dir} holds {used:.3g} GB, and with room for {to_write} more checkpoint(s) of "
        f"{size_gb:.2g} GB platform.output_gb={limit:g} is nearly reached"
    )


def _files_taken(limit: int | None, run_dir: Path) -> str | None:
    if limit is None:
        return None
    files = folder_usage(run_dir).files
    own = sum(folder_usage(run_dir / name).files for name in ("checkpoints", "examples"))
    own += sum(path.is_file() for path in run_dir.glob("*"))
    # Its own files are few, but some are written at the end alone. Before the start nothing is there yet.
    needed = files + max(0, _OWN_FILES - own) if files else _OWN_FILES + _DASHBOARD_FILES
    if needed <= SHARE * limit:
        return None
    return (
        f"{run_dir} holds {files} files{largest_part(run_dir)}, and with those that are still to be written "
        f"({needed - files}) platform.max_files={limit} is nearly reached"
    )


def check_room(limits: PlatformConfig, run_dir: Path, network: nn.Module, *, averaged: bool = False) -> None:
    """Refuse a run before its first step that cannot write what it has to.

    Raises:
        FashionError: its checkpoints, pictures and figures do not fit the platform's limits.
    """
    if reason := room_taken(limits, run_dir, checkpoint_gb(network, averaged=averaged)):
        raise FashionError(
            f"{reason}: make room, take a smaller model, or raise the limit where the platform allows it"
        )


def panels_kept(limits: PlatformConfig, most: int = 50) -> int:
    """Panels that a run keeps: at most half of the files that its other parts leave."""
    if limits.max_files is None:
        return most
    return max(1, min(most, _left(limits.max_files) // 2))


def mask_files(limits: PlatformConfig, most: int = 300) -> int:
    """Files that wandb's overlays may take: at most a quarter of those left; another is for its copies of panels."""
    return most if limits.max_files is None else max(0, min(most, _left(limits.max_files) // 4))


def _left(max_files: int) -> int:
    return int(SHARE * max_files) - _OWN_FILES - _DASHBOARD_FILES
