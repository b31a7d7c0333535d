"""The table of a sweep: what sets each job apart, its figures, and what it took."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from imatfashion.report.sweep_files import JobFiles, SweepFiles
from imatfashion.report.words import NOTHING, duration, figure, number

_FIGURES = {
    "classes": {
        "miou": "mean IoU",
        "foreground_accuracy": "foreground acc.",
        "background_recall": "background recall",
        "pixel_accuracy": "pixel acc.",
    },
    "attributes": {"map": "mean AP", "macro_f1": "macro F1", "prevalence": "prevalence"},
}


@dataclass(frozen=True)
class Cell:
    """A cell: its text, and what it is sorted by (as text; a number where it is one)."""

    text: str
    order: str


@dataclass(frozen=True)
class Row:
    """A job.

    Attributes:
        name: of its folder.
        link: of its report, relative to the page; empty where there is none.
        state: `done`, `failed` or `unfinished`.
        settings: the settings that differ.
        value: the best monitored figure.
        share: the same for a bar, 0 … 1.
        figures: other figures and what the job took.
    """

    name: str
    link: str
    state: str
    settings: list[Cell]
    value: Cell
    share: float
    figures: list[Cell]


@dataclass(frozen=True)
class Table:
    """Headings and rows; `monitor` is the heading of the monitored figure."""

    keys: list[str]
    monitor: str
    figures: list[str]
    rows: list[Row]


def sweep_table(sweep: SweepFiles) -> Table:
    """The jobs, best first, with the figures that any of them has."""
    monitored = sweep.monitor.removeprefix("val/")
    names = _FIGURES.get(sweep.stage, {})
    others = [key for key in names if key != monitored and any(_metric(job, key) is not None for job in sweep.jobs)]
    return Table(
        keys=sweep.keys,
        monitor=names.get(monitored, monitored),
        figures=[*(names[key] for key in others), "time", "photos/s"],
        rows=[_row(sweep, job, others) for job in sweep.jobs],
    )


def _row(sweep: SweepFiles, job: JobFiles, others: list[str]) -> Row:
    summary = job.run.summary if job.run else {}
    page = job.folder / "report.html"
    return Row(
        name=job.name,
        link=f"{job.name}/report.html" if page.is_file() else "",
        state=job.state,
        settings=[Cell(job.settings.get(key, NOTHING), job.settings.get(key, "")) for key in sweep.keys],
        value=_cell(job.value, figure),
        share=min(1.0, max(0.0, job.value or 0.0)),
        figures=[
            *(_cell(_metric(job, key), figure) for key in others),
            _cell(number(summary.get("seconds")), duration),
            _cell(number(summary.get("images_per_second")), lambda speed: f"{speed:.1f}"),
        ],
    )


def _metric(job: JobFiles, key: str) -> float | None:
    metrics = job.run.evaluation.get("metrics") if job.run else None
    return number(metrics.get(key)) if isinstance(metrics, dict) else None


def _cell(value: float | None, text: Callable[[float], str]) -> Cell:
    return Cell(NOTHING, "") if value is None else Cell(text(value), f"{value:.9g}")
