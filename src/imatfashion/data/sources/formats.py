"""The formats: reader, columns, usual places and grid of each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from imatfashion.data.records import Record
from imatfashion.data.sources import coco, imaterialist2019, imaterialist2020, pngs, submission
from imatfashion.data.sources.source import Source


@dataclass(frozen=True)
class Format:
    """A format's reader, the columns that it must have where it is a CSV, its usual files, and its grid."""

    read: Callable[[Source], Iterator[Record]]
    columns: tuple[str, ...]
    usual: tuple[str, ...]
    grid: int | None = None


_COCO_FILES = ("annotations.json", "train.json", "instances_attributes_train2020.json")
# Of several that fit, the first is taken: a 2020 file has the columns of 2019, and both have those of a submission.
FORMATS = {
    "imaterialist2020": Format(imaterialist2020.read, tuple(imaterialist2020.COLUMNS), ("train.csv",)),
    "imaterialist2019": Format(imaterialist2019.read, tuple(imaterialist2019.COLUMNS), ("train.csv",)),
    "submission": Format(submission.read, tuple(submission.COLUMNS), ("submission.csv",), submission.GRID),
    "coco": Format(coco.read, (), _COCO_FILES),
    "pngs": Format(pngs.read, (), ("masks", "annotations")),
}
