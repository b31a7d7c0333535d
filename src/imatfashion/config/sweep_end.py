"""What a sweep says when it ends: which jobs are done, which failed and why, which is best, and how to go on."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar

from hydra.experimental.callback import Callback
from omegaconf import DictConfig

from imatfashion.config.arguments import argument
from imatfashion.config.sweep_jobs import SweepJob, read_jobs
from imatfashion.errors import FashionError

SWEEP_FILE = "sweep.json"
"""The summary in the sweep directory."""
_COUNTS = ("done", "failed", "pruned", "unfinished")


class SweepWatch(Callback):
    """Knows where the sweep of this process is: Hydra tells it to its callbacks alone."""

    sweep_dir: ClassVar[Path | None] = None

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        """Remember the directory, and say where it is while the sweep is still going on."""
        SweepWatch.sweep_dir = Path(config.hydra.sweep.dir).absolute()
        print(f"sweep: {SweepWatch.sweep_dir}", flush=True)  # noqa: T201


def end_sweep(write_page: Callable[[Path], Path] | None) -> None:
    """Write `sweep.json` and the page, and say how the sweep went; nothing where there was none.

    Args:
        write_page: takes the sweep directory, writes the page that compares the jobs, and gives its path.
    """
    sweep_dir = SweepWatch.sweep_dir
    if sweep_dir is None or not sweep_dir.is_dir():
        return
    jobs = read_jobs(sweep_dir)
    page = None
    try:
        page = write_page(sweep_dir) if write_page and jobs else None
    except Exception as error:
        # A fault of the page must not take the summary with it.
        reason = str(error) if isinstance(error, FashionError) else f"{type(error).__name__}: {error}"
        print(f"the sweep's page could not be written: {reason}", file=sys.stderr)  # noqa: T201
    found = summary(sweep_dir, jobs, page)
    aside = sweep_dir / "sweep.tmp"
    aside.write_text(json.dumps(found, indent=1), encoding="utf-8")
    aside.replace(sweep_dir / SWEEP_FILE)
    print("\n".join(_lines(found)), flush=True)  # noqa: T201


def summary(sweep_dir: Path, jobs: Sequence[SweepJob], page: Path | None) -> dict[str, Any]:
    """What `sweep.json` holds."""
    best = best_job(jobs)
    states = [job.state for job in jobs]
    ended = {state: states.count(state) for state in ("done", "failed", "pruned")}
    return {
        "sweep": str(sweep_dir),
        **ended,
        "unfinished": len(states) - sum(ended.values()),
        "best": None if best is None else _entry(best),
        "jobs": [_entry(job) for job in jobs],
        "page": None if page is None else str(page),
        "continue": continue_command(sweep_dir),
    }


def best_job(jobs: Sequence[SweepJob]) -> SweepJob | None:
    """The job with the highest monitored metric (higher is better in both stages); None without a value."""
    return max((job for job in jobs if job.value is not None), key=lambda job: job.value or 0.0, default=None)


def continue_command(sweep_dir: Path) -> str:
    """The command that goes on with the sweep of this process."""
    command = shlex.join(["python", *sys.argv])
    given = any(word.startswith("hydra.sweep.dir=") for word in sys.argv)
    return command if given else f"{command} {argument('hydra.sweep.dir', sweep_dir)}"


def _entry(job: SweepJob) -> dict[str, Any]:
    return {
        "folder": job.folder.name,
        "overrides": list(job.overrides),
        "state": job.state,
        "value": job.value,
        "sentence": job.sentence,
    }


def _lines(found: dict[str, Any]) -> list[str]:
    """The summary for the terminal; of the overrides only those that differ from job to job."""
    jobs, best = found["jobs"], found["best"]
    common = set.intersection(*(set(job["overrides"]) for job in jobs)) if len(jobs) > 1 else set()
    counts = ", ".join(f"{found[key]} {key}" for key in _COUNTS if found[key] or key == "done")
    lines = [f"jobs: {counts}"]
    lines += [f"failed: job {_named(job, common)}: {job['sentence']}" for job in jobs if job["state"] == "failed"]
    if best:
        lines.append(f"best: job {_named(best, common)}: {best['value']:.4f}")
    if found["page"]:
        lines.append(f"page: {found['page']}")
    if found["failed"] or found["unfinished"]:
        lines.append(f"go on (jobs that are done stay as they are): {found['continue']}")
    return lines


def _named(job: dict[str, Any], common: set[str]) -> str:
    own = [override for override in job["overrides"] if override not in common]
    return f"{job['folder']} ({' '.join(own)})" if own else str(job["folder"])


def advice(error: BaseException) -> str:
    """What to install, behind the sentence for a launcher that is not there."""
    return "; install it with: pip install 'imatfashion[submitit]'" if "submitit" in str(error) else ""
