"""The table of a sweep: what sets each job apart, its figures, and what it took."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from imatfashion.report.figures import figure_names
from imatfashion.report.sweep_files import JobFiles, SweepFiles, monitor_name, short_key, shown
from imatfashion.report.words import NOTHING, duration, figure, number


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
        state: `done`, `failed`, `pruned` or `unfinished`.
        settings: the settings that differ.
        value: the best monitored figure.
        share: the same as a share of the best job's, for a bar.
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
    """The jobs as rows under headings.

    Attributes:
        keys: each setting's whole key and its short one.
        monitor: the monitored figure's name.
        figures: names of the other figures.
        rows: a job each.
    """

    keys: list[tuple[str, str]]
    monitor: str
    figures: list[str]
    rows: list[Row]


def sweep_table(sweep: SweepFiles) -> Table:
    """The jobs, best first, with the figures that any of them has."""
    monitored = sweep.monitor.removeprefix("val/")
    names = figure_names(sweep.stage)
    others = [key for key in names if key != monitored and any(_metric(job, key) is not None for job in sweep.jobs)]
    return Table(
        keys=[(key, short_key(key)) for key in sweep.keys],
        monitor=monitor_name(sweep),
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
        settings=[Cell(shown(job.settings.get(key, NOTHING)), job.settings.get(key, "")) for key in sweep.keys],
        value=_cell(job.value, figure),
        share=max(0.0, (job.value or 0.0) / (sweep.jobs[0].value or 1.0)),
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
