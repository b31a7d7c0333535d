"""What a score consists of: sums over photos, the figures drawn from them, and how they are shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from rich.table import Table
from rich.text import Text

from imatfashion.data.plain_text import brief
from imatfashion.metrics.competition import TWENTIETHS, ClassHits, Int64Array, mean, photo_score, pooled_score


class Score(NamedTuple):
    """A score, 0 … 1, with and without attributes."""

    with_attributes: float
    without_attributes: float

    def to_json(self) -> dict[str, float]:
        """The two figures by name."""
        return self._asdict()


@dataclass(frozen=True)
class ClassScore:
    """A class over all photos.

    Attributes:
        class_id: its id in the label file.
        name: its name.
        truth: garments of the truth.
        submitted: garments of the submission.
        hits: hits at IoU 0.5, whatever the attributes.
        pooled: its pooled score.
    """

    class_id: int
    name: str
    truth: int
    submitted: int
    hits: int
    pooled: Score

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "id": self.class_id,
            "name": self.name,
            "truth": self.truth,
            "submitted": self.submitted,
            "hits_at_0.5": self.hits,
            "pooled": self.pooled.to_json(),
        }


@dataclass(frozen=True)
class ScoreReport:
    """The competition's score and its parts.

    Attributes:
        per_photo: mean over photos of the mean over a photo's classes (the 2019 winner's local score).
        pooled: TP, FP and FN summed over photos and classes before the ratio.
        photos: photos of the truth, all of which count.
        photos_missing: those that the submission does not have; they count as having no rows.
        per_class: the classes that either side has, by id.
        truth_refused: records of the truth that were not usable and do not count.
        pixels: pixel metrics of both sides painted on the grid, None where they were not computed.
        photos_left_out: photos all of whose records in the truth were refused: they do not count on either side.
    """

    per_photo: Score
    pooled: Score
    photos: int
    photos_missing: tuple[str, ...]
    per_class: tuple[ClassScore, ...]
    truth_refused: int = 0
    pixels: Mapping[str, float] | None = None
    photos_left_out: int = 0

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "per_photo": self.per_photo.to_json(),
            "pooled": self.pooled.to_json(),
            "photos": self.photos,
            "photos_missing": list(self.photos_missing),
            "truth_refused": self.truth_refused,
            "photos_left_out": self.photos_left_out,
            "pixels": None if self.pixels is None else _finite(self.pixels),
            "per_class": [found.to_json() for found in self.per_class],
        }

    def table(self, oracle: ScoreReport | None = None) -> Table:
        """For the terminal; with an oracle's report each score stands beside its ceiling, `model / oracle`."""
        table = Table(title=f"Score over {self.photos:,} photos", caption=self._caption(), caption_justify="left")
        table.add_column("class")
        suffix = "" if oracle is None else " / oracle"
        headings = ("truth", "submitted", "hits at 0.5", f"with attributes{suffix}", f"without{suffix}")
        for heading in headings:
            table.add_column(heading, justify="right")
        ceilings = {} if oracle is None else {found.class_id: found.pooled for found in oracle.per_class}
        for found in self.per_class:
            counts = (found.truth, found.submitted, found.hits)
            table.add_row(Text(found.name), *map(str, counts), *_cells(found.pooled, ceilings.get(found.class_id)))
        table.add_section()
        sums = [sum(column) for column in zip(*((c.truth, c.submitted, c.hits) for c in self.per_class), strict=True)]
        counts_text = [str(value) for value in sums or (0, 0, 0)]
        table.add_row("all, pooled", *counts_text, *_cells(self.pooled, None if oracle is None else oracle.pooled))
        table.add_row(
            "all, per photo", "", "", "", *_cells(self.per_photo, None if oracle is None else oracle.per_photo)
        )
        return table

    def _caption(self) -> Text | None:
        notes = []
        if self.photos_missing:
            some = ", ".join(map(brief, self.photos_missing[:3])) + (", …" if len(self.photos_missing) > 3 else "")
            notes.append(f"Missing from the submission, counted as without rows: {len(self.photos_missing)} ({some}).")
        if self.truth_refused:
            notes.append(f"Records of the truth that were refused and do not count: {self.truth_refused}.")
        if self.photos_left_out:
            notes.append(f"Photos of the truth that have no other record, and do not count: {self.photos_left_out}.")
        # Not a plain string: brackets in a photo's name are no markup.
        return Text("\n".join(notes)) if notes else None


def _finite(figures: Mapping[str, float]) -> dict[str, float | None]:
    """JSON has no NaN: a figure that does not exist is null."""
    return {name: None if value != value else value for name, value in figures.items()}


def _cells(score: Score, ceiling: Score | None) -> list[str]:
    if ceiling is None:
        return [f"{value:.4f}" for value in score]
    return [f"{value:.4f} / {best:.4f}" for value, best in zip(score, ceiling, strict=True)]


class Tally:
    """Adds up photo after photo; memory holds two numbers a photo and the sums of each class."""

    def __init__(self) -> None:
        self._photos: list[tuple[float, float]] = []
        self._garments: dict[int, tuple[int, int]] = {}
        self._hits: dict[int, Int64Array] = {}

    def add(self, classes: Sequence[ClassHits]) -> None:
        """Add a photo's classes; none for a photo with nothing on either side."""
        self._photos.append(photo_score(classes))
        for found in classes:
            truth, submitted = self._garments.get(found.class_index, (0, 0))
            self._garments[found.class_index] = (truth + found.truth, submitted + found.submitted)
            self._hits[found.class_index] = self._hits.get(found.class_index, _no_hits()) + found.hits

    def report(
        self,
        names: Mapping[int, str],
        *,
        missing: Sequence[str] = (),
        refused: int = 0,
        left_out: int = 0,
        pixels: Mapping[str, float] | None = None,
    ) -> ScoreReport:
        """The score of all photos that were added; `names` gives each class its name."""
        per_photo = Score(*(mean(column) for column in zip(*self._photos, strict=True)))
        truth, submitted = (sum(column) for column in zip((0, 0), *self._garments.values(), strict=True))
        pooled = Score(*pooled_score(truth, submitted, sum(self._hits.values(), start=_no_hits())))
        classes = tuple(self._class_score(class_id, names) for class_id in sorted(self._garments))
        return ScoreReport(per_photo, pooled, len(self._photos), tuple(missing), classes, refused, pixels, left_out)

    def _class_score(self, class_id: int, names: Mapping[int, str]) -> ClassScore:
        (truth, submitted), hits = self._garments[class_id], self._hits[class_id]
        pooled = Score(*pooled_score(truth, submitted, hits))
        return ClassScore(class_id, names[class_id], truth, submitted, int(hits[1, 0]), pooled)


def _no_hits() -> Int64Array:
    return np.zeros((2, len(TWENTIETHS)), dtype=np.int64)
