"""The platform's limits: a run stops with a checkpoint before it passes one of them.

Each limit is a check of `imatfashion.training.callbacks.Stopper`.
"""

from __future__ import annotations

import time
from pathlib import Path

from torch import nn

from imatfashion.config.arguments import resume_command
from imatfashion.config.schema import PlatformConfig
from imatfashion.errors import FashionError
from imatfashion.training.callbacks import Check
from imatfashion.training.room import SHARE, checkpoint_gb, room_taken
from imatfashion.training.usage import memory_gb


class LimitReached(FashionError):
    """A limit of the platform is reached; the state is saved and the run can be resumed."""


class OutOfTime(LimitReached):
    """The time limit is reached."""


def deadline_of(limits: PlatformConfig) -> float | None:
    """When the time limit is reached that starts now, seconds on the monotonic clock; None without one."""
    return None if limits.max_hours is None else time.monotonic() + limits.max_hours * 3600


class TimeLimit:
    """Stops a run before the platform ends the session.

    Args:
        hours: the limit, named in the message.
        deadline: when it is reached, on the clock of `deadline_of`.
        run_dir: named in the message.
    """

    def __init__(self, hours: float, deadline: float, run_dir: Path) -> None:
        self.deadline = deadline
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
        processes: processes of the run on this machine, which share its memory.
    """

    every_seconds = 30.0
    """Time between two looks: one takes milliseconds."""

    def __init__(self, limits: PlatformConfig, run_dir: Path, checkpoint_gb: float, processes: int = 1) -> None:
        self.limits = limits
        self.run_dir = run_dir
        self.checkpoint_gb = checkpoint_gb
        self.processes = processes
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
        # Each looks at itself and its loader processes, and may hold its part.
        if limit is None or (used := memory_gb()) <= SHARE * limit / self.processes:
            return None
        part = f", which {self.processes} processes share" if self.processes > 1 else ""
        return f"this run's processes hold {used:.2f} GB of platform.memory_gb={limit:g}{part}"


def saved(run_dir: Path) -> str:
    """The end of a stop's sentence: how to go on."""
    return f"the state is saved; go on with: {resume_command(run_dir)}"


def usage_checks(
    limits: PlatformConfig,
    run_dir: Path,
    network: nn.Module,
    *,
    deadline: float | None,
    averaged: bool = False,
    processes: int = 1,
) -> list[Check]:
    """The checks of the limits that are set.

    Args:
        limits: of the platform.
        run_dir: the run directory.
        network: what is saved.
        deadline: what `deadline_of` gave when the work began, of which this run may be a later part.
        averaged: an average of the weights is kept, too.
        processes: processes of the run on this machine.
    """
    checks: list[Check] = []
    if limits.max_hours is not None and deadline is not None:
        checks.append(TimeLimit(limits.max_hours, deadline, run_dir))
    if (limits.memory_gb, limits.max_files, limits.output_gb) != (None, None, None):
        checks.append(UsageLimit(limits, run_dir, checkpoint_gb(network, averaged=averaged), processes))
    return checks
