"""The model card's limits: what the networks are bad at, as their own figures and settings say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from imatfashion.apps.export.markdown import plain
from imatfashion.apps.export.part import Part
from imatfashion.report.words import figure, many, number, percent

_WORST = 5
_MISTAKES = 3


def limits_section(parts: Sequence[Part]) -> list[str]:
    """What to expect nothing good of."""
    points: list[str] = []
    for part in parts:
        points += _of_classes(part) if part.title == "classes" else _of_attributes(part)
    points.append(
        "Photos unlike those of the training data (other views, cameras, people, times and fashions) were not "
        "measured: the figures are of photos of the same collection."
    )
    if any(part.evaluated for part in parts):
        points.append(
            "The same validation photos chose the best checkpoint, so the figures are a little better than on photos "
            "that nothing was chosen by."
        )
    return ["## Limits", "", *(f"- {point}" for point in points), ""]


def _of_classes(part: Part) -> list[str]:
    spec, layers = part.exported.spec, max(part.exported.spec.layer_of_class, default=0) + 1
    per = "one class" if layers == 1 else f"one class in each of {layers} layers"
    points = [
        f"A pixel has {per}: of garments that lie on one another in the photo the one on top is found, "
        "and two garments of one class that touch are one region.",
        f"The network sees {spec.size[0]} × {spec.size[1]} pixels: what is thinner than a pixel of that is lost.",
    ]
    if not part.evaluated or part.run is None:
        return points
    rows = part.run.rows("per_class")
    points += _worst(rows, "iou", "IoU", "classes")
    points += _never(rows)
    if absent := [plain(row.get("name")) for row in rows if number(row.get("iou")) is None]:
        points.append(f"Not in the validation photos, so not measured: {'; '.join(absent)}.")
    return points + _mistakes(part.run.evaluation, [str(row.get("name")) for row in rows])


def _of_attributes(part: Part) -> list[str]:
    points = ["Attributes are judged under the predicted garment: where its class or mask is wrong, they are too."]
    if not any(len(pairs) == len(part.exported.spec.attribute_ids) for pairs in part.exported.spec.allowed_pairs):
        points.append("An attribute that the training data never has with a class has probability 0 there.")
    if part.evaluated and part.run is not None:
        rows = part.run.rows("per_attribute")
        points += _worst(rows, "ap", "average precision", "attributes")
        if absent := [plain(row.get("name")) for row in rows if number(row.get("ap")) is None]:
            points.append(f"No validation garment has them, so they were not measured: {'; '.join(absent)}.")
    return points


def _worst(rows: Sequence[dict[str, Any]], key: str, name: str, what: str) -> list[str]:
    measured = [(found, row) for row in rows if (found := number(row.get(key))) is not None]
    worst = sorted(measured, key=lambda pair: pair[0])[:_WORST]
    listed = "; ".join(f"{plain(row.get('name'))} {figure(found)}" for found, row in worst)
    return [f"The {len(worst)} worst of {len(measured)} measured {what} ({name}): {listed}."] if worst else []


def _never(rows: Sequence[dict[str, Any]]) -> list[str]:
    never = [row for row in rows if number(row.get("predicted_pixels")) == 0 and number(row.get("truth_pixels"))]
    if not never:
        return []
    listed = "; ".join(f"{plain(row.get('name'))} (in {many(row.get('photos'), 'photo')})" for row in never)
    return [f"Never predicted on the validation photos: {listed}."]


def _mistakes(evaluation: dict[str, Any], names: Sequence[str]) -> list[str]:
    """The commonest confusions of two garments, as shares of the true one's pixels."""
    matrix = evaluation.get("confusion")
    size = len(names) + 1
    if not isinstance(matrix, list) or len(matrix) != size or any(len(row) != size for row in matrix):
        return []
    shares = [
        (row[other] / sum(row), true, other)
        for true, row in enumerate(matrix[:-1])
        for other in range(len(names))
        if other != true and sum(row)
    ]
    listed = [
        f"{plain(names[true])} for {plain(names[other])} ({percent(share)} of its pixels)"
        for share, true, other in sorted(shares, reverse=True)[:_MISTAKES]
        if share > 0
    ]
    return [f"Most often taken: {'; '.join(listed)}."] if listed else []
