"""What a table holds, in words: for `imatfashion index`."""

from __future__ import annotations

import csv

import numpy as np

from imatfashion.data.annotations import Annotations
from imatfashion.data.table.refusals import refusal_line

_SHOWN = 5


def overview(table: Annotations) -> str:
    """Photos, garments, classes, attributes and refusals of a table, as text of several lines."""
    garments = len(table.garment_class)
    empty = len(table) - len(np.unique(table.garment_photo))
    unknown = int((~table.garment_known).sum())
    several = ", ".join(table.class_names[index] for index in table.multiple_classes()) or "none"
    lines = [
        f"{len(table)} photos ({empty} without a garment), {garments} garments",
        f"{len(table.classes)} classes, the most frequent: {_frequent(table)}",
        f"{len(table.attributes)} attributes; {unknown} garments whose attributes are unknown",
        f"classes with several garments in a photo: {several}",
        *_refusals(table),
        f"table: {table.path}",
    ]
    return "\n".join(lines)


def _frequent(table: Annotations) -> str:
    counts = np.bincount(table.garment_class, minlength=len(table.classes))
    order = np.argsort(-counts, kind="stable")[:_SHOWN]
    return ", ".join(f"{table.class_names[index]} ({counts[index]})" for index in order if counts[index])


def _refusals(table: Annotations) -> list[str]:
    path = table.path / "refused.csv"
    if not table.refused or not path.is_file():
        return ["no record was refused"]
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    lines = [f"{table.refused} record{'s' if table.refused > 1 else ''} refused, all listed in {path}:"]
    lines += [f"  {refusal_line(row['row'], row['photo'], row['reason'])}" for row in rows[:_SHOWN]]
    if len(rows) > _SHOWN:
        lines.append(f"  … and {len(rows) - _SHOWN} more")
    return lines
