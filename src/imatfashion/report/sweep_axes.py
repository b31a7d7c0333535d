"""Axes of the sweep's charts: where a value lies, and which values are written beside it."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.ticker import MaxNLocator

_MOST_TICKS = 6
_LOG_FROM = 20
_LARGEST = 1e290
_STEPS = [1, 2, 5, 10]


@dataclass(frozen=True)
class Axis:
    """Places values between 0 and 1.

    Attributes:
        ticks: position and text.
        low: value at 0, its logarithm where `log`.
        high: value at 1.
        log: equal ratios are equal lengths.
        names: values that are no numbers, or too few to measure, at equal distances.
    """

    ticks: tuple[tuple[float, str], ...]
    low: float = 0.0
    high: float = 1.0
    log: bool = False
    names: tuple[str, ...] = ()

    def place(self, value: float | str) -> float:
        """Position of a value, 0 … 1; values outside the ends lie outside."""
        if self.names:
            return (self.names.index(str(value)) + 0.5) / len(self.names)
        number = math.log10(float(value)) if self.log else float(value)
        return (number - self.low) / (self.high - self.low)


def number_axis(values: Sequence[float]) -> Axis:
    """A linear axis over measured values, its ends a little beyond them."""
    low, high = min(values), max(values)
    margin = 0.05 * (high - low) or 0.05 * abs(high) or 0.05
    low, high = low - margin, high + margin
    found = [float(tick) for tick in MaxNLocator(5, steps=_STEPS).tick_values(low, high) if low <= tick <= high]
    return Axis(tuple(((tick - low) / (high - low), f"{tick:.6g}") for tick in found), low, high)


def setting_axis(texts: Sequence[str]) -> Axis:
    """An axis over the values of a setting: numbers by size, logarithmic over a wide range, names side by side."""
    distinct = sorted(dict.fromkeys(texts))
    numbers = _distinct_numbers(distinct)
    # Near the largest float, spans and matplotlib's own sums overflow.
    if len(numbers) < 2 or max(-numbers[0], numbers[-1]) > _LARGEST:
        return _name_axis(distinct)
    log = numbers[0] > 0 and numbers[-1] / numbers[0] >= _LOG_FROM
    ends = [math.log10(number) if log else number for number in (numbers[0], numbers[-1])]
    margin = 0.08 * (ends[1] - ends[0])
    axis = Axis((), ends[0] - margin, ends[1] + margin, log)
    return Axis(tuple((axis.place(mark), f"{mark:.6g}") for mark in _marks(axis, numbers)), axis.low, axis.high, log)


def _distinct_numbers(texts: Sequence[str]) -> list[float]:
    """The numbers that the texts name, each once (`1` and `1.0` are one); none where a text names no finite one."""
    try:
        numbers = sorted({float(text) for text in texts})
    except ValueError:
        return []
    return numbers if all(map(math.isfinite, numbers)) else []


def _marks(axis: Axis, numbers: list[float]) -> list[float]:
    """The values themselves where they are few, short and apart, as in a grid; else round numbers."""
    gaps = [axis.place(above) - axis.place(below) for below, above in itertools.pairwise(numbers)]
    if len(numbers) <= _MOST_TICKS and min(gaps) > 0.08 and all(len(f"{number:g}") <= 6 for number in numbers):
        return numbers
    found = _powers(numbers[0], numbers[-1]) if axis.log else []
    ticks = found if len(found) > 1 else MaxNLocator(5, steps=_STEPS).tick_values(numbers[0], numbers[-1])
    return [float(tick) for tick in ticks if (tick > 0 or not axis.log) and 0 <= axis.place(tick) <= 1]


def _name_axis(names: list[str]) -> Axis:
    return Axis(tuple(((at + 0.5) / len(names), name) for at, name in enumerate(names)), names=tuple(names))


def _powers(low: float, high: float) -> list[float]:
    """1, 3, 10, 30 … between two values; powers of ten alone over a wide range."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    steps = (1, 3) if len(powers) < _MOST_TICKS else (1,)
    return [step * 10.0**power for power in powers for step in steps if low <= step * 10.0**power <= high]
