"""What `imatfashion score` prints."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path
from typing import Any

from rich.console import Console

from imatfashion.errors import FashionError
from imatfashion.evaluate.garment_ap import ap_files
from imatfashion.evaluate.oracle import oracle_file
from imatfashion.evaluate.score import score_files
from imatfashion.evaluate.score_report import ScoreReport

WIDTH = 110
"""Columns of the table."""


def score_command(
    truth: Path,
    submission: Path | None,
    *,
    labels: Path | None,
    oracle: bool,
    layers: int,
    regions: str,
    ap: bool,
    as_json: bool,
) -> str:
    """The score, its ceiling, or both, or the average precisions, as text or as JSON.

    Raises:
        FashionError: neither a submission nor the oracle is asked for, or a file cannot be scored.
    """
    if submission is None and not oracle:
        raise FashionError("there is nothing to score: give a submission after the truth, or --oracle, or both")
    if ap and oracle:
        raise FashionError("--ap and --oracle are two questions: ask them one after the other")
    if ap and submission is not None:
        precisions = ap_files(truth, submission, labels=labels)
        return json.dumps(precisions.to_json(), indent=1) if as_json else precisions.text()
    ceiling = oracle_file(truth, labels=labels, layers=layers, regions=regions) if oracle else None
    score = score_files(truth, submission, labels=labels) if submission is not None else None
    if as_json:
        return json.dumps(_as_json(score, ceiling), indent=1)
    return _as_text(score, ceiling)


def _as_json(score: ScoreReport | None, ceiling: ScoreReport | None) -> dict[str, Any]:
    if score is None:
        return {"oracle": ceiling.to_json()} if ceiling else {}
    return score.to_json() | ({"oracle": ceiling.to_json()} if ceiling else {})


def _as_text(score: ScoreReport | None, ceiling: ScoreReport | None) -> str:
    text = StringIO()
    console = Console(file=text, width=WIDTH)
    if score is not None:
        console.print(score.table(ceiling))
        text.write(_summary("score", score))
        text.write(_pixels(score))
    elif ceiling is not None:
        console.print(ceiling.table())
    if ceiling is not None:
        text.write(_summary("oracle", ceiling))
    if score is not None and ceiling is not None and ceiling.per_photo.without_attributes > 0:
        share = score.per_photo.without_attributes / ceiling.per_photo.without_attributes
        text.write(f"model / oracle, per photo, without attributes: {share:.3f}\n")
    return text.getvalue().rstrip()


def _pixels(report: ScoreReport) -> str:
    if report.pixels is None:
        return ""
    figures = report.pixels
    return (
        f"pixels: foreground mIoU {figures['miou']:.4f}, accuracy {figures['pixel_accuracy']:.4f}, "
        f"foreground accuracy {figures['foreground_accuracy']:.4f}, "
        f"background recall {figures['background_recall']:.4f}\n"
    )


def _summary(title: str, report: ScoreReport) -> str:
    photo, pooled = report.per_photo, report.pooled
    return (
        f"{title}: per photo {photo.with_attributes:.4f} with attributes, {photo.without_attributes:.4f} without; "
        f"pooled {pooled.with_attributes:.4f} with, {pooled.without_attributes:.4f} without\n"
    )
