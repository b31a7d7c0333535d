"""metrics.csv as curves: sparse columns, read row by row."""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass, field
from pathlib import Path

# One column a class: the report has those figures from the evaluation, of the best checkpoint.
_LEFT_OUT = "val/iou/"


@dataclass
class Curve:
    """The values of a figure, in the order of the file.

    Attributes:
        steps: optimizer steps done when the value was written.
        values: the values, finite.
    """

    steps: list[int] = field(default_factory=list)
    values: list[float] = field(default_factory=list)


@dataclass
class Curves:
    """All figures of a run by name, and how long an epoch is."""

    by_name: dict[str, Curve] = field(default_factory=dict)
    epoch_ends: dict[int, int] = field(default_factory=dict)
    """epoch → steps done when it was validated"""
    recorded_per_epoch: float | None = None
    """steps an epoch, where the summary says it"""

    @property
    def last_step(self) -> int:
        """Steps done at the last row, 0 without any."""
        return max((curve.steps[-1] for curve in self.by_name.values()), default=0)

    @property
    def steps_per_epoch(self) -> float | None:
        """Optimizer steps an epoch; None where nothing says it and nothing has been validated."""
        if self.recorded_per_epoch:
            return self.recorded_per_epoch
        # The last epoch may have been cut, and gives too few.
        return max((steps / (epoch + 1) for epoch, steps in self.epoch_ends.items()), default=None)

    def best(self, name: str) -> tuple[float, float] | None:
        """The highest value of a figure and the epochs done then; None without a value."""
        curve = self.by_name.get(name)
        if curve is None:
            return None
        at = max(range(len(curve.values)), key=curve.values.__getitem__)
        return curve.values[at], curve.steps[at] / (self.steps_per_epoch or 1)


def read_curves(path: Path) -> Curves:
    """Read a `metrics.csv`; torn rows and cells that are no finite number are left out."""
    curves = Curves()
    with path.open(newline="", encoding="utf-8", errors="replace") as file:
        reader = csv.DictReader(line.replace("\0", "") for line in file)
        for row in reader:
            # A row that a kill tore ends early: DictReader fills it up with None.
            if None not in row.values() and None not in row:
                _add(curves, row)
    return curves


def _add(curves: Curves, row: dict[str, str]) -> None:
    step, epoch = _finite(row.get("step")), _finite(row.get("epoch"))
    if step is None:
        return
    for name, cell in row.items():
        if name in ("step", "epoch") or name.startswith(_LEFT_OUT):
            continue
        value = _finite(cell)
        if value is None:
            continue
        curve = curves.by_name.setdefault(name, Curve())
        # The file counts steps from 0, so that one more is done.
        curve.steps.append(int(step) + 1)
        curve.values.append(value)
        if epoch is not None and name == "val/loss":
            curves.epoch_ends[int(epoch)] = int(step) + 1


def _finite(cell: str | None) -> float | None:
    try:
        value = float(cell or "")
    except ValueError:
        return None
    return value if math.isfinite(value) else None
