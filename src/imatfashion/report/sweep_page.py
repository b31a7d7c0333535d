"""The page that compares the jobs of a sweep: one HTML file that needs nothing else, not even a network."""

from __future__ import annotations

import base64
import hashlib
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from imatfashion.config.arguments import argument
from imatfashion.report.cards import Card
from imatfashion.report.page import page_templates, save_page
from imatfashion.report.sweep_charts import curves_chart, parallel_chart, scatter_chart
from imatfashion.report.sweep_files import JobFiles, SweepFiles, read_sweeps, shown
from imatfashion.report.sweep_table import sweep_table
from imatfashion.report.words import duration, figure, many, number

_SCRIPT = "sweep_script.html"


def write_sweep_report(sweep_dir: Path) -> Path:
    """Write `report.html` into a sweep directory, ended or not.

    A folder with runs of both stages has a second page, `report-attributes.html`, and the two are linked.

    Args:
        sweep_dir: the sweep directory, or any folder of runs.

    Returns:
        Path of the page, the first one of two.

    Raises:
        FashionError: the folder holds no job and no run.
    """
    sweeps = read_sweeps(Path(sweep_dir))
    names = ["report.html", "report-attributes.html"][: len(sweeps)]
    links = [
        (f"{many(len(sweep.jobs), 'job')} of stage {sweep.stage}", name)
        for sweep, name in zip(sweeps, names, strict=True)
    ]
    pages = [
        save_page(Path(sweep_dir), render(sweep, [link for link in links if link[1] != name]), name)
        for sweep, name in zip(sweeps, names, strict=True)
    ]
    return pages[0]


def render(sweep: SweepFiles, others: Sequence[tuple[str, str]] = ()) -> str:
    """The page of a sweep, HTML; `others` are texts and files of pages to link."""
    templates = page_templates()
    assert templates.loader is not None
    script = templates.loader.get_source(templates, _SCRIPT)[0]
    # The browser runs this script and no other, whatever a name may smuggle in.
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return templates.get_template("sweep.html").render(
        _view(sweep) | {"script": script, "script_hash": digest, "others": others}
    )


def _view(sweep: SweepFiles) -> dict[str, Any]:
    """Everything that the template shows."""
    table = sweep_table(sweep)
    best = sweep.jobs[0] if sweep.jobs[0].value is not None else None
    return {
        "title": _title(sweep),
        "sweep_dir": str(sweep.path),
        "summary": _summary(sweep, table.monitor),
        "common": sweep.common if any((job.folder / "job.json").is_file() for job in sweep.jobs) else [],
        "cards": _cards(sweep, best, table.monitor),
        "table": table,
        "curves": curves_chart(sweep),
        "parallel": parallel_chart(sweep),
        "scatters": [(key, chart) for key in sweep.keys if (chart := scatter_chart(sweep, key))],
        "failed": [(job.name, _settings(sweep, job), job.sentence) for job in sweep.jobs if job.state == "failed"],
        "unfinished": sum(job.state == "unfinished" for job in sweep.jobs),
        "pruned": any(job.state == "pruned" for job in sweep.jobs),
        "go_on": argument("hydra.sweep.dir", sweep.path),
        "predict": _predict(best),
        "report_line": f"imatfashion report {shlex.quote(str(sweep.path))}",
    }


def _title(sweep: SweepFiles) -> str:
    over = ", ".join(sweep.keys[:3]) + (f" and {len(sweep.keys) - 3} more" if len(sweep.keys) > 3 else "")
    return f"{many(len(sweep.jobs), 'job')} compared" + (f": {over}" if over else "")


def _summary(sweep: SweepFiles, monitor: str) -> str:
    states = [job.state for job in sweep.jobs]
    parts = [f"{states.count('done')} of {many(len(states), 'job')} done"]
    parts += [f"{states.count(state)} {state}" for state in ("failed", "pruned", "unfinished") if state in states]
    first, found = sweep.jobs[0], [job for job in sweep.jobs if job.value is not None]
    text = ", ".join(parts) + "."
    if len(found) > 1:
        apart = _settings(sweep, first)
        text += (
            f" The best, job {first.name}{f' ({apart})' if apart else ''}, reached {monitor} {figure(first.value)} "
            f"on the validation photos; the worst, job {found[-1].name}, {figure(found[-1].value)}."
        )
    return text


def _cards(sweep: SweepFiles, best: JobFiles | None, monitor: str) -> list[Card]:
    seconds = [number(job.run.summary.get("seconds")) for job in sweep.jobs if job.run]
    total = sum(second for second in seconds if second is not None)
    done = sum(job.state == "done" for job in sweep.jobs)
    cards = [Card("Jobs done", f"{done} of {len(sweep.jobs)}", "A failed job takes none of the others with it.")]
    if best:
        cards.insert(0, Card(f"Best {monitor}", figure(best.value), f"Job {best.name}: {_settings(sweep, best)}"))
    if total:
        cards.append(Card("Time", duration(total), "Of the finished jobs together."))
    return cards


def _settings(sweep: SweepFiles, job: JobFiles) -> str:
    return " ".join(f"{key}={shown(job.settings[key])}" for key in sweep.keys if key in job.settings)


def _predict(best: JobFiles | None) -> str:
    checkpoint = None if best is None else best.folder / "checkpoints" / "best.ckpt"
    if checkpoint is None or not checkpoint.is_file() or best is None or best.run is None:
        return ""
    if best.run.stage == "attributes":
        place = f"classes_ckpt=CLASSES.ckpt {argument('attributes_ckpt', checkpoint)}"
    else:
        place = argument("classes_ckpt", checkpoint)
    return f"python predict.py {place} images=PHOTOS output=submission.csv"
