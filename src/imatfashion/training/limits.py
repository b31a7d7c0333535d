"""The platform's limits: a run stops with a checkpoint before it passes one of them.

Each limit is a check of `imatfashion.training.callbacks.Stopper`.
"""

from __future__ import annotations

import time
from pathlib import Path

from torch import nn

from imatfashion.config.schema import PlatformConfig
from imatfashion.errors import FashionError
from imatfashion.training.callbacks import Check
from imatfashion.training.usage import folder_usage, largest_part, memory_gb

SHARE = 0.95
"""A run stops at this share of a limit."""

# Files of a run besides panels and dashboards: checkpoints, config, split, metrics, summary, evaluation and report,
# each with the file that is written aside of it, and the example pictures.
_OWN_FILES = 30
# First files of the dashboards, and a panel.
_DASHBOARD_FILES = 12
# last.ckpt, best.ckpt and the one that is being written beside them.
_CHECKPOINTS = 3
# Pictures, figures and the report, GB.
_PICTURES_GB = 0.02


class LimitReached(FashionError):
    """A limit of the platform is reached; the state is saved and the run can be resumed."""


class OutOfTime(LimitReached):
    """The time limit is reached."""


class TimeLimit:
    """Stops a run before the platform ends the session.

    Args:
        hours: limit, from the making of this check.
        run_dir: named in the message.
    """

    def __init__(self, hours: float, run_dir: Path) -> None:
        self.deadline = time.monotonic() + hours * 3600
        self.hours = hours
        self.run_dir = run_dir

    def __call__(self, step: int) -> OutOfTime | None:
        """What to raise once the time is over."""
        if time.monotonic() < self.deadline:
            return None
        return OutOfTime(f"platform.max_hours={self.hours:g} is reached at step {step}: {saved(self.run_dir)}")


class UsageLimit:
    """Stops a run before it fills its disk, writes too many files or is killed for its memory.

    Args:
        limits: of the platform.
        run_dir: the run directory.
        checkpoint_gb: size of a checkpoint, GB.
    """

    every_seconds = 30.0
    """Time between two looks: one takes milliseconds."""

    def __init__(self, limits: PlatformConfig, run_dir: Path, checkpoint_gb: float) -> None:
        self.limits = limits
        self.run_dir = run_dir
        self.checkpoint_gb = checkpoint_gb
        self.looked_at = -float("inf")

    def __call__(self, step: int) -> LimitReached | None:
        """What to raise once a limit is near."""
        now = time.monotonic()
        if now - self.looked_at < self.every_seconds:
            return None
        self.looked_at = now
        reason = self._memory() or room_taken(self.limits, self.run_dir, self.checkpoint_gb)
        return LimitReached(f"{reason} at step {step}: {saved(self.run_dir)}") if reason else None

    def _memory(self) -> str | None:
        limit = self.limits.memory_gb
        if limit is None or (used := memory_gb()) <= SHARE * limit:
            return None
        return f"this run's processes hold {used:.2f} GB of platform.memory_gb={limit:g}"


def saved(run_dir: Path) -> str:
    """The end of a stop's sentence: how to go on."""
    return f"the state is saved; go on with: python train.py resume={run_dir}"


def checkpoint_gb(network: nn.Module) -> float:
    """Size of a checkpoint, GB: the network's state and AdamW's two moments of each parameter, in float32."""
    state = sum(value.numel() * value.element_size() for value in network.state_dict().values())
    moments = sum(2 * 4 * parameter.numel() for parameter in network.parameters())
    return float(state + moments) / 1e9


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
    to_write = _CHECKPOINTS - present
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


def check_room(limits: PlatformConfig, run_dir: Path, network: nn.Module) -> None:
    """Refuse a run before its first step that cannot write what it has to.

    Raises:
        FashionError: its checkpoints, pictures and figures do not fit the platform's limits.
    """
    if reason := room_taken(limits, run_dir, checkpoint_gb(network)):
        raise FashionError(
            f"{reason}: make room, take a smaller model, or raise the limit where the platform allows it"
        )


def panels_kept(limits: PlatformConfig, most: int = 50) -> int:
    """Panels that a run keeps: at most half of the files that its other parts leave."""
    if limits.max_files is None:
        return most
    left = int(SHARE * limits.max_files) - _OWN_FILES - _DASHBOARD_FILES
    return max(1, min(most, left // 2))


def usage_checks(limits: PlatformConfig, run_dir: Path, network: nn.Module) -> list[Check]:
    """The checks of the limits that are set."""
    checks: list[Check] = []
    if limits.max_hours is not None:
        checks.append(TimeLimit(limits.max_hours, run_dir))
    if (limits.memory_gb, limits.max_files, limits.output_gb) != (None, None, None):
        checks.append(UsageLimit(limits, run_dir, checkpoint_gb(network)))
    return checks
