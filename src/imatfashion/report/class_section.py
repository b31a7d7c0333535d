"""The classes of a segmenter: each one's overlap, and what is taken for what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from imatfashion.report.run_files import RunFiles
from imatfashion.report.words import count, figure, number, percent

_PAIRS = 12
_HEAT_CLASSES = 10
_BACKGROUND = "background"

Counts = npt.NDArray[np.int64]


@dataclass(frozen=True)
class ClassRow:
    """A class that occurs in validation; figures as text, `iou` for the bar."""

    name: str
    iou: float
    iou_text: str
    found: str
    right: str
    photos: str
    area: str


@dataclass(frozen=True)
class Pair:
    """Pixels of one class that were taken for another."""

    truth: str
    predicted: str
    share: float
    share_text: str
    of_errors: str


@dataclass(frozen=True)
class Heat:
    """Confusion of a few classes: a row for each true class, shares of its pixels."""

    names: list[str]
    rows: list[tuple[str, list[tuple[float, str, bool]]]]


@dataclass(frozen=True)
class ClassSection:
    """What the page says about classes.

    Attributes:
        rows: the classes that occur, best first.
        absent: names of those that do not.
        errors: share of the wrong pixels that are missed garments, invented garments, mix-ups; with names.
        pairs: the mix-ups between garments that cost most.
        heat: the classes with most wrong pixels against each other.
    """

    rows: list[ClassRow]
    absent: list[str]
    errors: list[tuple[str, float, str]]
    pairs: list[Pair]
    heat: Heat | None


def class_section(run: RunFiles) -> ClassSection | None:
    """Per-class figures of the evaluation; None without them."""
    per_class = run.rows("per_class")
    if not per_class:
        return None
    names = [str(row.get("name", "?")) for row in per_class]
    confusion = _confusion(run.evaluation.get("confusion"), len(names))
    judged = [index for index, row in enumerate(per_class) if number(row.get("iou")) is not None]
    judged.sort(key=lambda index: -float(per_class[index]["iou"]))
    total = sum(number(row.get("truth_pixels")) or 0 for row in per_class) or 1.0
    rows = [_row(per_class[index], index, confusion, total) for index in judged]
    absent = [name for index, name in enumerate(names) if index not in set(judged)]
    if confusion is None:
        return ClassSection(rows, absent, [], [], None)
    return ClassSection(rows, absent, _errors(confusion), _pairs(confusion, names), _heat(confusion, names))


def _confusion(found: Any, classes: int) -> Counts | None:
    """The confusion matrix int64 (C + 1, C + 1), None where it is not one."""
    try:
        matrix = np.asarray(found, dtype=np.int64)
    except (TypeError, ValueError, OverflowError):
        return None
    return matrix if matrix.shape == (classes + 1, classes + 1) and (matrix >= 0).all() else None


def _row(row: dict[str, Any], index: int, confusion: Counts | None, total: float) -> ClassRow:
    hits = None if confusion is None else float(confusion[index, index])
    truth, predicted = number(row.get("truth_pixels")), number(row.get("predicted_pixels"))
    return ClassRow(
        name=str(row.get("name", "?")),
        iou=float(row["iou"]),
        iou_text=figure(row["iou"]),
        found=percent(hits / truth if hits is not None and truth else None),
        right=percent(hits / predicted if hits is not None and predicted else None),
        photos=count(row.get("photos")),
        area=percent(truth / total if truth is not None else None),
    )


def _errors(confusion: Counts) -> list[tuple[str, float, str]]:
    wrong = confusion - np.diag(np.diag(confusion))
    parts = {
        "garment missed (taken for background)": wrong[:-1, -1].sum(),
        "garment invented (background taken for one)": wrong[-1, :-1].sum(),
        "garment taken for another": wrong[:-1, :-1].sum(),
    }
    total = int(wrong.sum())
    return [(name, int(part) / total, percent(int(part) / total)) for name, part in parts.items()] if total else []


def _pairs(confusion: Counts, names: list[str]) -> list[Pair]:
    wrong = confusion - np.diag(np.diag(confusion))
    garments, total = wrong[:-1, :-1], int(wrong.sum())
    order = np.argsort(-garments, axis=None, kind="stable")[:_PAIRS]
    pairs = []
    for truth, predicted in zip(*np.unravel_index(order, garments.shape), strict=True):
        pixels = int(garments[truth, predicted])
        if pixels:
            share = pixels / int(confusion[truth].sum())
            pairs.append(Pair(names[truth], names[predicted], share, percent(share), percent(pixels / total)))
    return pairs


def _heat(confusion: Counts, names: list[str]) -> Heat | None:
    """The classes with most wrong pixels, the most common first, and background."""
    wrong = confusion - np.diag(np.diag(confusion))
    truth = confusion.sum(axis=1)
    cost = np.where(truth > 0, wrong.sum(axis=0) + wrong.sum(axis=1), 0)[:-1]
    worst = [int(index) for index in np.argsort(-cost, kind="stable")[:_HEAT_CLASSES] if cost[index] > 0]
    if not worst:
        return None
    chosen = [*sorted(worst, key=lambda index: -int(truth[index])), len(names)]
    rest = np.setdiff1d(np.arange(len(names) + 1), chosen)
    labels = [*names, _BACKGROUND]
    rows = []
    for index in chosen:
        if truth[index]:
            counts = [*confusion[index, chosen].tolist(), int(confusion[index, rest].sum())]
            shares = [value / int(truth[index]) for value in counts]
            cells = [
                (share, _cell(share), column == index) for share, column in zip(shares, [*chosen, -1], strict=True)
            ]
            rows.append((labels[index], cells))
    return Heat([*(labels[index] for index in chosen), "others"], rows)


def _cell(share: float) -> str:
    """Whole per cents; nothing where there is next to nothing."""
    return f"{100 * share:.0f}" if share >= 0.005 else ""
