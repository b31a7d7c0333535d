"""The report of a run: one HTML file that needs nothing else, not even a network."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from imatfashion.report import story
from imatfashion.report.attribute_section import attribute_section
from imatfashion.report.cards import cost_cards, metric_cards
from imatfashion.report.chart_section import charts
from imatfashion.report.class_section import class_section
from imatfashion.report.next_steps import next_steps, report_line, resume_step
from imatfashion.report.pictures import examples, panels
from imatfashion.report.run_files import RUN_FILES, RunFiles, read_run
from imatfashion.report.words import size


def write_report(run_dir: Path) -> Path:
    """Write `report.html` into a run directory, whole or cut short.

    The same files give the same page to the last byte.

    Args:
        run_dir: the run directory.

    Returns:
        Path of the page.

    Raises:
        FashionError: the directory is missing or holds no run.
    """
    page = render(read_run(Path(run_dir)))
    return save_page(Path(run_dir), page)


def save_page(folder: Path, page: str, name: str = "report.html") -> Path:
    """Write a page aside and rename it to its name; its path."""
    path = folder / name
    aside = path.with_suffix(".tmp")
    aside.write_text(page, encoding="utf-8")
    aside.replace(path)
    return path


def render(run: RunFiles) -> str:
    """The page of a run, HTML."""
    return page_templates().get_template("run.html").render(_view(run))


def page_templates() -> Environment:
    """The templates of the pages."""
    # autoescape=True rather than by a template's ending: label files, overrides and sentences are other people's text.
    return Environment(
        loader=PackageLoader("imatfashion", "report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _view(run: RunFiles) -> dict[str, Any]:
    """Everything that the template shows."""
    value, _ = story.best(run)
    return {
        "title": story.title(run),
        "summary": story.summary_text(run),
        "when": [str(run.summary[key]).replace("T", " ") for key in ("started", "finished") if run.summary.get(key)],
        "run_dir": str(run.path),
        "has_best": value is not None,
        "notices": story.notices(run),
        "resume": resume_step(run),
        "metric_cards": metric_cards(run),
        "evaluated": bool(run.evaluation),
        "cost_cards": cost_cards(run) if run.summary else [],
        "charts": charts(run),
        "classes": class_section(run),
        "layers": run.setting("layers", 1),
        "attributes": attribute_section(run),
        "best": examples(run, "best"),
        "worst": examples(run, "worst"),
        "score_name": "F1 of its attributes" if run.stage == "attributes" else "mean IoU",
        "panels": panels(run),
        "steps": next_steps(run),
        "report_line": report_line(run),
        "files": _files(run.path),
        "config_text": run.config_text or json.dumps(run.summary.get("config", {}), indent=1),
        "command": str(run.summary.get("command") or ""),
        "versions": _versions(run),
    }


def _files(run_dir: Path) -> list[tuple[str, str, str]]:
    """Name, size and meaning of each known file and folder that is there."""
    found = []
    for name, meaning in RUN_FILES.items():
        path = run_dir / name
        if path.is_dir():
            parts = [part for part in path.rglob("*") if part.is_file()]
            found.append((f"{name}/", size(sum(part.stat().st_size for part in parts)), meaning))
        elif path.is_file():
            found.append((name, size(path.stat().st_size), meaning))
    return found


def _versions(run: RunFiles) -> list[tuple[str, str]]:
    versions = run.summary.get("versions")
    found = [(str(name), str(version)) for name, version in versions.items()] if isinstance(versions, dict) else []
    return [*found, ("source commit", str(run.summary["git"]))] if run.summary.get("git") else found
