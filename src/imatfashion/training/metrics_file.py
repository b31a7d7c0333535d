"""metrics.csv: the figures of a run, appended row by row, kept when the run is resumed."""

from __future__ import annotations

import csv
import os
from argparse import Namespace
from pathlib import Path
from typing import Any

from lightning_fabric.loggers.logger import rank_zero_experiment
from pytorch_lightning.loggers.logger import Logger
from pytorch_lightning.utilities import rank_zero_only


class MetricsFile(Logger):
    """A Lightning logger that writes `metrics.csv` (columns `step`, `epoch`, then the figures, sparse).

    Lightning's own CSV logger deletes the file of an earlier part of the run.

    Args:
        path: the file.
        first_step: rows at or past this step are dropped: they come from after the checkpoint that is resumed.
        last_row: the row before that step as the checkpoint has it, which a kill may have kept from the file.
    """

    def __init__(self, path: Path, first_step: int = 0, last_row: dict[str, float] | None = None) -> None:
        super().__init__()
        self.path = path
        self.columns = ["step", "epoch"]
        if path.is_file() and first_step:
            self._keep_before(first_step)
            if last_row:
                self._restore(last_row)
        else:
            self._start()

    @property
    def name(self) -> str:
        """Name of the logger."""
        return "metrics"

    @property
    def version(self) -> str:
        """There is one file a run."""
        return ""

    @property
    @rank_zero_experiment
    def experiment(self) -> Path:
        """The file."""
        return self.path

    @rank_zero_only
    def log_hyperparams(self, params: dict[str, Any] | Namespace, *args: Any, **kwargs: Any) -> None:
        """The run directory has config.yaml."""

    @rank_zero_only
    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
        """Append a row."""
        row: dict[str, Any] = {"step": step, **metrics}
        if new := [name for name in row if name not in self.columns]:
            self._widen(new)
        with self.path.open("a", newline="", encoding="utf-8") as file:
            csv.DictWriter(file, self.columns).writerow(row)

    @rank_zero_only
    def _start(self) -> None:
        self._write([])

    @rank_zero_only
    def _keep_before(self, first_step: int) -> None:
        rows = self._rows()
        self.columns = list(rows[0]) if rows else self.columns
        self._write([row for row in rows if int(row["step"] or 0) < first_step])

    @rank_zero_only
    def _restore(self, row: dict[str, float]) -> None:
        if not any(int(kept["step"] or 0) == row["step"] for kept in self._rows()):
            self.log_metrics({name: value for name, value in row.items() if name != "step"}, int(row["step"]))

    def _widen(self, names: list[str]) -> None:
        rows = self._rows()
        self.columns += names
        self._write(rows)

    def _rows(self) -> list[dict[str, str]]:
        with self.path.open(newline="", encoding="utf-8") as file:
            # A row torn by a kill lacks its end: it holds no figure that can be trusted.
            whole = [line for line in file if line.endswith("\n")]
        return list(csv.DictReader(whole))

    def _write(self, rows: list[dict[str, str]]) -> None:
        aside = self.path.with_suffix(".tmp")
        with aside.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, self.columns)
            writer.writeheader()
            writer.writerows(rows)
        os.replace(aside, self.path)  # noqa: PTH105 - replaces on every platform
