"""The jobs of a sweep on disk: whose overrides a folder belongs to, and what came of them."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

JOB_FILE = "job.json"
"""What a job's folder says of it; the folder is a run directory otherwise."""
PAGE = "report.html"
"""What a job that has ended writes last."""
HARMLESS = ("progress", "logger", "checkpoint_minutes")
"""Keys that do not make another job of it: a sweep may go on with others."""

State = Literal["running", "done", "failed", "stopped", "pruned"]
_STATES: dict[str, State] = {state: state for state in get_args(State)}


@dataclass(frozen=True)
class SweepJob:
    """A job of a sweep.

    Attributes:
        folder: its run directory.
        overrides: `key=value` each, in the order of the command line.
        state: `running` also when it was killed, `stopped` after a signal, `pruned` when the sweep found it hopeless.
        value: the monitored metric; None where the job has none.
        sentence: why it failed or was pruned; empty otherwise.
    """

    folder: Path
    overrides: tuple[str, ...]
    state: State
    value: float | None = None
    sentence: str = ""

    def save(self) -> None:
        """Write `job.json`, aside and renamed."""
        aside = self.folder / "job.tmp"
        aside.write_text(self._text(), encoding="utf-8")
        aside.replace(self.folder / JOB_FILE)

    def _text(self) -> str:
        fields = {"overrides": self.overrides, "state": self.state, "value": self.value, "sentence": self.sentence}
        return json.dumps(fields, indent=1)


def claim(sweep_dir: Path, overrides: Sequence[str], number: int) -> SweepJob:
    """The job with these overrides: the one that is there, whatever its number, or a new one.

    Args:
        sweep_dir: where the jobs' folders are.
        overrides: `key=value` each.
        number: name of the folder to make, or the next one that is free.
    """
    wanted = _identity(overrides)
    found = next((job for job in read_jobs(sweep_dir) if _identity(job.overrides) == wanted), None)
    while found is None:
        job = SweepJob(sweep_dir / str(number), tuple(overrides), "running")
        job.folder.mkdir(parents=True, exist_ok=True)
        try:
            # Jobs of a cluster claim at the same time: exactly one makes the file.
            with (job.folder / JOB_FILE).open("x", encoding="utf-8") as file:
                file.write(job._text())
            found = job
        except FileExistsError:
            number += 1
    return found


def read_jobs(sweep_dir: Path) -> list[SweepJob]:
    """The jobs of a sweep directory, by their numbers."""
    return sorted(_jobs(sweep_dir), key=lambda job: (len(job.folder.name), job.folder.name))


def _jobs(sweep_dir: Path) -> Iterator[SweepJob]:
    for path in sweep_dir.glob(f"*/{JOB_FILE}"):
        fields = _object(path)
        overrides, state = fields.get("overrides"), _STATES.get(str(fields.get("state")))
        if not isinstance(overrides, list) or state is None:
            continue  # torn by a kill while it was claimed
        value, sentence = finite(fields.get("value")), str(fields.get("sentence") or "")
        summary = _object(path.parent / "summary.json")
        if state != "done" and "best" in summary and (path.parent / PAGE).is_file():
            # Finished after all: by resume=FOLDER, or killed before it could say so. The page is a run's last file:
            # a job without it is gone on with, which trains nothing.
            state, value, sentence = "done", finite(summary["best"]), ""
        yield SweepJob(path.parent, tuple(map(str, overrides)), state, value, sentence)


def _object(path: Path) -> dict[str, Any]:
    """The JSON object of a file; empty where there is none that can be read."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def finite(value: object) -> float | None:
    """The value as a finite number; None where it is none, so that no optimiser takes it for a result."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)


def is_harmless(override: str) -> bool:
    """Whether an override is of a key that does not change what a job is."""
    key = override.split("=", 1)[0].lstrip("+~")
    return key.split(".", 1)[0] in HARMLESS


def _identity(overrides: Sequence[str]) -> frozenset[str]:
    return frozenset(override for override in overrides if not is_harmless(override))
