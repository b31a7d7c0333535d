"""How fast a run goes and how long it still takes, from what was measured so far."""

from __future__ import annotations

import time
from collections.abc import Callable

# Weight of the newest step in the running mean.
_NEWEST = 0.1


class Pace:
    """Time left of a run: its steps and its validations.

    Args:
        steps: optimizer steps of the whole run.
        steps_per_epoch: after each so many steps comes a validation.
        batch: photos of a step, over all devices.
        clock: seconds, rising.
    """

    def __init__(
        self, steps: int, steps_per_epoch: int, batch: int, clock: Callable[[], float] = time.perf_counter
    ) -> None:
        self.steps, self.steps_per_epoch, self.batch = steps, steps_per_epoch, batch
        self.clock = clock
        self.measured = 0
        self.step_seconds: float | None = None
        self.validation_seconds: float | None = None
        self._since: float | None = None

    def begin(self) -> None:
        """Training begins or goes on: what came between is no part of a step."""
        self._since = self.clock()

    def step(self) -> None:
        """A step is done. The first one also starts loaders and kernels: it counts only until there is a second."""
        now = self.clock()
        if self._since is not None:
            seconds, before = now - self._since, self.step_seconds
            first = before is None or self.measured < 2
            self.step_seconds = seconds if first else before + _NEWEST * (seconds - before)  # type: ignore[operator]
        self.measured += 1
        self._since = now

    def validated(self, seconds: float) -> None:
        """A validation took so long."""
        self.validation_seconds = seconds

    @property
    def images_per_second(self) -> float | None:
        """Photos trained on in a second."""
        return self.batch / self.step_seconds if self.step_seconds else None

    def left(self, step: int) -> float | None:
        """Seconds until the end of the run, at a step; validations count once one was measured."""
        if self.step_seconds is None:
            return None
        validations = self.steps // self.steps_per_epoch - step // self.steps_per_epoch
        return (self.steps - step) * self.step_seconds + validations * (self.validation_seconds or 0.0)


def duration(seconds: float) -> str:
    """`1:02:03`, with days where there are any."""
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    return (f"{days} d " if days else "") + f"{hour}:{minute:02d}:{second:02d}"
