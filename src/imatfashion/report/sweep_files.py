"""A sweep directory as it lies on disk: its jobs, what sets them apart, and what came of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imatfashion.config.sweep_jobs import SweepJob, read_jobs
from imatfashion.errors import FashionError
from imatfashion.report.figures import figure_names
from imatfashion.report.run_files import RunFiles, read_run
from imatfashion.report.story import best

_STATES = {"done": "done", "failed": "failed", "running": "unfinished", "stopped": "unfinished", "pruned": "pruned"}
_FRACTION = re.compile(r"[+-]?((\d+\.\d*|\.\d+)(e[+-]?\d+)?|\d+e[+-]?\d+)", flags=re.ASCII | re.IGNORECASE)
_PLACES = ("run_dir", "resume")


@dataclass(frozen=True)
class JobFiles:
    """A job of a sweep.

    Attributes:
        name: of its folder.
        folder: its run directory.
        settings: from each override's key to its value, as text.
        state: `done`, `failed`, `pruned` or `unfinished`.
        sentence: why it failed or was pruned; empty otherwise.
        value: the best monitored figure so far; None without one.
        run: what the run left; None where it was refused before it began.
    """

    name: str
    folder: Path
    settings: Mapping[str, str]
    state: str
    sentence: str
    value: float | None
    run: RunFiles | None


@dataclass(frozen=True)
class SweepFiles:
    """A sweep.

    Attributes:
        path: its directory, as given.
        jobs: best first; those without a value last.
        keys: of the settings that differ.
        common: `key=value` of the settings that all jobs share.
    """

    path: Path
    jobs: list[JobFiles]
    keys: list[str]
    common: list[str]

    @property
    def monitor(self) -> str:
        """Name of the monitored figure."""
        return next((job.run.monitor for job in self.jobs if job.run), "val/miou")

    @property
    def stage(self) -> str:
        """`classes` or `attributes`."""
        return next((job.run.stage for job in self.jobs if job.run), "classes")


def monitor_name(sweep: SweepFiles) -> str:
    """The monitored figure's short name."""
    key = sweep.monitor.removeprefix("val/")
    return figure_names(sweep.stage).get(key, key)


def short_key(key: str) -> str:
    """The last part of a dotted key, with the part before where it is a number."""
    parts = key.split(".")
    return ".".join(parts[-2:]) if len(parts) > 1 and (parts[-1].isdecimal() or parts[-2].isdecimal()) else parts[-1]


def shown(text: str) -> str:
    """A setting's value for the page: fractions of a sampler have more digits than anyone reads.

    Whole numbers keep theirs: a seed is another one by its last digit.
    """
    return f"{float(text):.4g}" if len(text) > 8 and _FRACTION.fullmatch(text) else text


def is_sweep(folder: Path) -> bool:
    """Whether a folder holds runs or jobs, and is no run itself."""
    own = any((folder / name).is_file() for name in ("config.yaml", "metrics.csv", "summary.json"))
    return not own and any(any(folder.glob(f"*/{name}")) for name in ("job.json", "config.yaml"))


def read_sweeps(sweep_dir: Path) -> list[SweepFiles]:
    """Read the jobs of a sweep, or the runs of any folder; those that are cut short too.

    Returns:
        One of each stage that the folder has runs of: their figures cannot be compared. A job that was refused before
        it began is with the first.

    Raises:
        FashionError: the folder holds none.
    """
    recorded = read_jobs(sweep_dir)
    names = {job.folder for job in recorded}
    jobs = [_recorded(job) for job in recorded]
    jobs += [_plain(path.parent) for path in sorted(sweep_dir.glob("*/config.yaml")) if path.parent not in names]
    if not jobs:
        raise FashionError(f"{sweep_dir} holds no job of a sweep; give the folder that train.py printed as `sweep:`")
    attributes = [job for job in jobs if job.run and job.run.stage == "attributes"]
    classes = [job for job in jobs if job.run and job.run.stage != "attributes"]
    of_stage = [found for found in (classes, attributes) if found] or [[]]
    of_stage[0] += [job for job in jobs if not job.run]
    return [_compared(sweep_dir, found) for found in of_stage]


def _compared(sweep_dir: Path, jobs: list[JobFiles]) -> SweepFiles:
    jobs.sort(key=lambda job: (job.value is None, -(job.value or 0.0)))
    keys = list(dict.fromkeys(key for job in jobs for key in job.settings))
    differ = [key for key in keys if len({job.settings.get(key) for job in jobs}) > 1]
    first = jobs[0].settings
    return SweepFiles(sweep_dir, jobs, differ, [f"{key}={first[key]}" for key in keys if key not in differ])


def _recorded(job: SweepJob) -> JobFiles:
    pairs = (override.split("=", 1) for override in job.overrides if "=" in override)
    settings = {key.lstrip("+~"): value for key, value in pairs}
    run = _run(job.folder)
    value = job.value if job.value is not None or run is None else best(run)[0]
    return JobFiles(job.folder.name, job.folder, settings, _STATES[job.state], job.sentence, value, run)


def _plain(folder: Path) -> JobFiles:
    """A run that no sweep wrote down: its whole configuration is what may set it apart."""
    run = read_run(folder)
    settings = {key: value for key, value in _flat(run.config).items() if key not in _PLACES}
    state = "done" if run.summary else "unfinished"
    return JobFiles(folder.name, folder, settings, state, "", best(run)[0], run)


def _run(folder: Path) -> RunFiles | None:
    try:
        return read_run(folder)
    except FashionError:
        return None


def _flat(node: Any, prefix: str = "") -> dict[str, str]:
    """Dotted keys and values as text."""
    if isinstance(node, Mapping) and node:
        return {key: text for name, item in node.items() for key, text in _flat(item, f"{prefix}{name}.").items()}
    return {prefix.rstrip("."): "null" if node is None else str(node)}
