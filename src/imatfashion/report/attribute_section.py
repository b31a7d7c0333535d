"""The attributes of a classifier, each against what guessing gets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from imatfashion.report.run_files import RunFiles
from imatfashion.report.words import NOTHING, count, figure, number, percent

_SHOWN = 40


@dataclass(frozen=True)
class AttributeRow:
    """An attribute that occurs in validation; figures as text, `ap` and `prevalence` for the bar."""

    name: str
    group: str
    ap: float
    prevalence: float
    ap_text: str
    prevalence_text: str
    lift: str
    precision: str
    recall: str
    f1: str
    positives: str


@dataclass(frozen=True)
class AttributeSection:
    """What the page says about attributes.

    Attributes:
        rows: those that occur, best first.
        more: the rest of them, when they are many.
        absent: names of those that no validation garment has.
        threshold: the probability from which an attribute is said.
        garments: garments judged.
    """

    rows: list[AttributeRow]
    more: list[AttributeRow]
    absent: list[str]
    threshold: str
    garments: str


def attribute_section(run: RunFiles) -> AttributeSection | None:
    """Per-attribute figures of the evaluation; None without them."""
    found = run.rows("per_attribute")
    if not found:
        return None
    judged = [row for row in found if number(row.get("ap")) is not None]
    judged.sort(key=lambda row: -float(row["ap"]))
    rows = [_row(row) for row in judged]
    thresholds = {number(row.get("threshold")) for row in judged} - {None}
    return AttributeSection(
        rows=rows[:_SHOWN],
        more=rows[_SHOWN:],
        absent=[str(row.get("name", "?")) for row in found if number(row.get("ap")) is None],
        threshold=f"{next(iter(thresholds)):g}" if len(thresholds) == 1 else "its own threshold",
        garments=count(run.evaluation.get("garments")),
    )


def _row(row: dict[str, Any]) -> AttributeRow:
    ap, prevalence = float(row["ap"]), number(row.get("prevalence"))
    return AttributeRow(
        name=str(row.get("name", "?")),
        group=str(row.get("group") or ""),
        ap=ap,
        prevalence=prevalence or 0.0,
        ap_text=figure(ap),
        prevalence_text=percent(prevalence),
        lift=f"{ap / prevalence:.1f} ×" if prevalence else NOTHING,
        precision=percent(row.get("precision")),
        recall=percent(row.get("recall")),
        f1=figure(row.get("f1")),
        positives=count(row.get("positives")),
    )
