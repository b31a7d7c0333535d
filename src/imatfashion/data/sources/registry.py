"""From a folder to a source: which format it is, and where its files lie."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from imatfashion.data.labels import read_labels
from imatfashion.data.records import Record
from imatfashion.data.sources import imaterialist2019, submission
from imatfashion.data.sources.csv_rows import read_header
from imatfashion.data.sources.source import Source
from imatfashion.errors import FashionError


@dataclass(frozen=True)
class _Format:
    """How a format is recognised and where its files usually lie.

    `columns` are the CSV columns that it must have, None for a format that is no CSV.
    """

    read: Callable[[Source], Iterator[Record]]
    columns: tuple[str, ...] | None
    annotations: tuple[str, ...]
    grid: int | None = None


_TRAINING = ("train.csv",)
_FORMATS = {
    "imaterialist2019": _Format(imaterialist2019.read, tuple(imaterialist2019.COLUMNS), _TRAINING),
    "submission": _Format(submission.read, tuple(submission.COLUMNS), ("submission.csv",), submission.GRID),
}
_LABEL_FILES = ("label_descriptions.json", "category_attributes_descriptions.json")
FORMATS = ("auto", *_FORMATS)
"""What `format` may be."""


def open_source(
    root: Path,
    *,
    format: str = "auto",
    annotations: str | Path | None = None,
    photos: str | Path | None = None,
    labels: str | Path | None = None,
    group_by: str | None = None,
) -> Source:
    """Find a data set's files and the reader for them.

    Args:
        root: folder of the data set, or its annotation file.
        format: one of `FORMATS`; `auto` looks at the files and their columns.
        annotations: annotation file (or folder of index PNGs) below `root`, when not the format's usual one.
        photos: folder of photos below `root`, likewise.
        labels: label file below `root`, likewise.
        group_by: column of the CSV, or a regex on names (which the split applies).

    Raises:
        FashionError: a file is missing, empty, of another format or year, or lacks a column.
    """
    if format not in FORMATS:
        raise FashionError(f"data.format={format} is unknown: it is one of {', '.join(FORMATS)}.")
    if root.is_file():
        root, annotations = root.parent, annotations or root.name
    if not root.is_dir():
        raise FashionError(f"The data folder {root} does not exist: give the folder of the data set as data.root.")
    path = _annotations(root, format, annotations)
    name = _recognise(path) if format == "auto" else format
    _check_columns(path, name)
    labels_path = _labels_path(root, labels)
    classes, attributes = read_labels(labels_path)
    photo_dir = _photo_dir(root, path, name, photos)
    column = group_by if path.suffix == ".csv" and group_by in read_header(path) else None
    found = _FORMATS[name]
    return Source(name, path, photo_dir, labels_path, classes, attributes, found.grid, column, found.read)


def _annotations(root: Path, format: str, given: str | Path | None) -> Path:
    if given is not None:
        if not (root / given).exists():
            raise FashionError(f"The annotations {root / given} do not exist: correct data.annotations.")
        return root / given
    formats = _FORMATS.values() if format == "auto" else [_FORMATS[format]]
    usual = list(dict.fromkeys(name for found in formats for name in found.annotations))
    for name in usual:
        if (root / name).exists():
            return root / name
    raise FashionError(f"{root} has none of {', '.join(usual)}: give the annotations' place as data.annotations.")


def _recognise(path: Path) -> str:
    header = read_header(path)
    by_columns = sorted(_FORMATS.items(), key=lambda item: -len(item[1].columns or ()))
    for name, found in by_columns:
        if found.columns is not None and set(found.columns) <= set(header):
            return name
    raise FashionError(f"The columns {','.join(header)[:200]} of {path} are no format that is known: see data.format.")


def _check_columns(path: Path, format: str) -> None:
    wanted = _FORMATS[format].columns
    if wanted is None:
        return
    header = read_header(path)
    if format == "imaterialist2019" and "AttributesIds" in header:
        raise FashionError(f"{path} is an iMaterialist 2020 file (column AttributesIds): use data=imaterialist2020.")
    missing = [name for name in wanted if name not in header]
    if missing == ["AttributesIds"]:
        raise FashionError(f"{path} is an iMaterialist 2019 file (no AttributesIds): use data=imaterialist2019.")
    if missing:
        raise FashionError(f"{path} has no column {missing[0]}: its header is {','.join(header)[:200]}.")


def _labels_path(root: Path, given: str | Path | None) -> Path:
    if given is not None:
        return root / given
    for name in _LABEL_FILES:
        if (root / name).is_file():
            return root / name
    raise FashionError(f"{root} has no label file ({' or '.join(_LABEL_FILES)}): give its place as data.labels.")


def _photo_dir(root: Path, annotations: Path, format: str, given: str | Path | None) -> Path | None:
    if given is not None:
        if not (root / given).is_dir():
            raise FashionError(f"The photo folder {root / given} does not exist: correct data.photos.")
        return root / given
    usual = root / annotations.stem  # train.csv has its photos in train/, test.csv in test/
    return usual if _FORMATS[format].grid is None and usual.is_dir() else None
