"""The model card's figures: overall, and of each class and attribute."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from imatfashion.apps.export.markdown import plain, table
from imatfashion.apps.export.part import Part
from imatfashion.report.words import count, figure, number, percent

_NAMES = {
    "miou": "mean IoU of the classes, background left out",
    "pixel_accuracy": "pixels with the right class, background included",
    "foreground_accuracy": "the same, of the pixels that are garments",
    "background_recall": "the same, of the pixels that are background",
    "map": "mean average precision of the attributes",
    "macro_f1": "mean F1 of the attributes at a probability of ½",
    "prevalence": "mean share of garments with an attribute: the average precision of guessing",
}


def figures_section(parts: Sequence[Part]) -> list[str]:
    """The figures of the runs, or why there are none."""
    lines = ["## Figures", ""]
    for part in parts:
        lines += _of_part(part) if part.evaluated else _none(part)
    return lines


def _none(part: Part) -> list[str]:
    why = "the checkpoint lies in no run directory" if part.run is None else "evaluation.json is not there or not whole"
    return [f"Of the {part.title} there are no figures: {why}.", ""]


def _of_part(part: Part) -> list[str]:
    assert part.run is not None  # as `evaluated` says
    evaluation = part.run.evaluation
    photos, name = evaluation.get("photos"), part.exported.checkpoint.name
    garments = f", with {count(found)} garments" if (found := evaluation.get("garments")) else ""
    lines = [f"### {part.title.capitalize()}", "", f"On the {count(photos)} validation photos of the run{garments}."]
    if name != "best.ckpt":
        lines.append(f"They are those of the run's best.ckpt; this export is of {plain(name)}.")
    metrics = evaluation.get("metrics")
    overall = metrics if isinstance(metrics, Mapping) else {}
    lines += table(
        ["figure", "value"], [[_NAMES.get(key, plain(key)), figure(value)] for key, value in overall.items()]
    )
    return lines + (_classes(part) if part.title == "classes" else _attributes(part))


def _classes(part: Part) -> list[str]:
    assert part.run is not None
    rows = _falling(part.run.rows("per_class"), "iou")
    heads = ["class", "IoU", "photos with it", "its pixels", "predicted pixels"]
    keys = ("photos", "truth_pixels", "predicted_pixels")
    return table(
        heads,
        [[plain(row.get("name")), figure(row.get("iou")), *(count(row.get(key)) for key in keys)] for row in rows],
    )


def _attributes(part: Part) -> list[str]:
    assert part.run is not None
    rows = _falling(part.run.rows("per_attribute"), "ap")
    heads = ["attribute", "average precision", "guessing", "F1", "precision", "recall", "garments with it"]
    return table(
        heads,
        [
            [
                plain(row.get("name")) + (f" ({plain(group)})" if (group := row.get("group")) else ""),
                figure(row.get("ap")),
                percent(row.get("prevalence")),
                *(figure(row.get(key)) for key in ("f1", "precision", "recall")),
                count(row.get("positives")),
            ]
            for row in rows
        ],
    )


def _falling(rows: Sequence[dict[str, Any]], key: str) -> list[dict[str, Any]]:
    """Best first, those without a figure last."""
    return sorted(rows, key=lambda row: -1.0 if (found := number(row.get(key))) is None else found, reverse=True)
