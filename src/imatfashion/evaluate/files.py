"""The files of a score, read into tables that last as long as the score is computed."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from imatfashion.data.annotations import Annotations
from imatfashion.data.build import build_table
from imatfashion.data.labels import Labels
from imatfashion.data.records import EmptyPhoto, Garment, Record
from imatfashion.data.sources import DataFiles, Source, open_source, submission
from imatfashion.data.sources.locate import LABEL_FILES
from imatfashion.data.sources.photo_files import photo_names
from imatfashion.data.table.refusals import first_refusal
from imatfashion.errors import FashionError
from imatfashion.masks.runs import parse_runs


class Truth(NamedTuple):
    """A truth file as a table.

    Attributes:
        table: its garments.
        labels_path: its label file.
        bare_photos: the photos of its photo folder that have no row.
        left_out: the photos all of whose records were refused: nothing is known of them.
    """

    table: Annotations
    labels_path: Path
    bare_photos: list[str]
    left_out: list[str]


@contextmanager
def truth_table(path: Path, labels: Path | None = None) -> Iterator[Truth]:
    """The table of a truth file, for as long as the context lasts.

    Args:
        path: annotation file of a competition (2019 or 2020 CSV) or of COCO.
        labels: label file; by default the one beside the truth or in the folder above.

    Raises:
        FashionError: the file or its label file cannot be read, or nothing in it is usable.
    """
    if not path.is_file():
        raise FashionError(f"the truth {path} is not a file: give an annotation file such as test.csv")
    source = open_source(path, DataFiles(labels=_label_file(path, labels)))
    with _built(source) as table:
        left_out = [str(name) for name in table.meta["left_out"]]
        yield Truth(table, source.labels_path, _bare_photos(source, table, left_out), left_out)


@contextmanager
def submission_table(path: Path, labels: Path) -> Iterator[Annotations]:
    """The table of a submission, filler rows included, for as long as the context lasts.

    Args:
        path: CSV with ImageId, EncodedPixels, ClassId on the 512 × 512 grid, or a predicted DIR.table.
        labels: the truth's label file.

    Raises:
        FashionError: the file cannot be read, lacks a column, or has a faulty row.
    """
    if (path / "meta.json").is_file():
        yield Annotations(path)
        return
    if not path.is_file():
        raise FashionError(f"the submission {path} is not a file: give a CSV with ImageId, EncodedPixels, ClassId")
    source = open_source(path, DataFiles(format="submission", labels=labels.resolve()))
    with _built(_with_filler(source)) as table:
        if table.refused:
            raise FashionError(
                f"the submission has no score until its faulty rows are mended, {table.refused} in all; "
                f"the first: {first_refusal(table.path, path)}"
            )
        yield table


@contextmanager
def _built(source: Source) -> Iterator[Annotations]:
    with tempfile.TemporaryDirectory(prefix="imatfashion-score-") as folder:
        out = Path(folder) / "score.table"
        build_table(source, out, check_photos=False)
        yield Annotations(out)


def _with_filler(source: Source) -> Source:
    """The submission as the competition counts it: filler is a garment, and runs must be in rising order."""
    filler_class = int(submission.FILLER[1])
    classes = source.classes
    if classes.index(filler_class) is None:  # a data set of other classes: filler still is a garment too many
        items = sorted([*zip(classes.ids, classes.names, classes.groups, strict=True), (filler_class, "filler", "")])
        classes = Labels(*zip(*items, strict=True))
    return dataclasses.replace(source, classes=classes, read=_read_with_filler)


def _read_with_filler(source: Source) -> Iterator[Record]:
    for record in submission.read(source, sorted_only=True):
        if isinstance(record, EmptyPhoto):
            runs = parse_runs(submission.FILLER[0], record.height, record.width)
            yield Garment(record.photo, record.height, record.width, int(submission.FILLER[1]), (), runs, row=0)
        else:
            yield record


def _label_file(truth: Path, given: Path | None) -> Path | None:
    if given is not None:
        return given.resolve()
    if truth.suffix.lower() == ".json":
        return None  # COCO has its labels inside
    folder = truth.resolve().parent
    for path in (place / name for place in (folder, folder.parent) for name in LABEL_FILES):
        if path.is_file():
            return path
    raise FashionError(f"there is no label file ({' or '.join(LABEL_FILES)}) beside {truth} or above it: give --labels")


def _bare_photos(source: Source, table: Annotations, left_out: Collection[str]) -> list[str]:
    if source.photo_dir is None or not source.format.startswith("imaterialist"):
        return []
    known = {*left_out, *map(table.name, range(len(table)))}
    return [name for name in photo_names(source.photo_dir) if name not in known]
