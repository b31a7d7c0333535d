"""The learning rate as a pure function of the step: phases, each one cycle with cosine arms.

One cycle: Smith & Topin 2018, "Super-Convergence"; cosine arms as in fastai.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from imatfashion.config.schema import ScheduleConfig


@dataclass(frozen=True)
class PhaseSteps:
    """A phase in optimizer steps: [start, stop), the peak rate, and whether the encoder rests."""

    start: int
    stop: int
    max_rate: float
    frozen: bool


@dataclass(frozen=True)
class Schedule:
    """Rates of the decoder and the encoder at every optimizer step."""

    phases: tuple[PhaseSteps, ...]
    encoder_ratio: float
    warmup: float
    start_div: float
    final_div: float

    @classmethod
    def build(cls, config: ScheduleConfig, steps_per_epoch: int) -> Schedule:
        """The schedule of a run whose epochs have `steps_per_epoch` optimizer steps."""
        phases, start, epochs = [], 0, 0.0
        for phase in config.phases:
            epochs += phase.epochs
            stop = max(start + 1, round(epochs * steps_per_epoch))
            phases.append(PhaseSteps(start, stop, config.rate_factor * phase.max_rate, phase.frozen))
            start = stop
        return cls(tuple(phases), config.encoder_ratio, config.warmup, config.start_div, config.final_div)

    @property
    def steps(self) -> int:
        """Optimizer steps of the whole run."""
        return self.phases[-1].stop

    def rate(self, step: int, *, encoder: bool) -> float:
        """Learning rate of a parameter group at an optimizer step (0-based; the last one's past the end)."""
        phase = next((phase for phase in self.phases if step < phase.stop), self.phases[-1])
        if encoder and phase.frozen:
            return 0.0
        length = phase.stop - phase.start
        position = min(step - phase.start, length - 1) / max(1, length - 1)
        return self._cycle(position) * phase.max_rate * (self.encoder_ratio if encoder else 1.0)

    def _cycle(self, position: float) -> float:
        """Share of the peak at a position 0 … 1 of the phase."""
        if position < self.warmup:
            return _cosine(1 / self.start_div, 1.0, position / self.warmup)
        return _cosine(1.0, 1 / self.final_div, (position - self.warmup) / (1 - self.warmup))


def _cosine(first: float, last: float, share: float) -> float:
    return last + (first - last) * (1 + math.cos(math.pi * share)) / 2
