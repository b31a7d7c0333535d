"""From a folder to a source: which format it is, and where its files lie."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from imatfashion.data.labels import Labels, read_labels
from imatfashion.data.records import Record
from imatfashion.data.sources import coco, imaterialist2019, imaterialist2020, pngs, submission
from imatfashion.data.sources.csv_rows import read_header
from imatfashion.data.sources.source import Source
from imatfashion.errors import FashionError


@dataclass(frozen=True)
class _Format:
    """A format's reader, the columns that it must have where it is a CSV, its usual files, and its grid."""

    read: Callable[[Source], Iterator[Record]]
    columns: tuple[str, ...]
    usual: tuple[str, ...]
    grid: int | None = None


_COCO_FILES = ("annotations.json", "train.json", "instances_attributes_train2020.json")
# Of several that fit, the first is taken: a 2020 file has the columns of 2019, and both have those of a submission.
_FORMATS = {
    "imaterialist2020": _Format(imaterialist2020.read, tuple(imaterialist2020.COLUMNS), ("train.csv",)),
    "imaterialist2019": _Format(imaterialist2019.read, tuple(imaterialist2019.COLUMNS), ("train.csv",)),
    "submission": _Format(submission.read, tuple(submission.COLUMNS), ("submission.csv",), submission.GRID),
    "coco": _Format(coco.read, (), _COCO_FILES),
    "pngs": _Format(pngs.read, (), ("masks", "annotations")),
}
FORMATS = ("auto", *_FORMATS)
"""What `format` may be."""
_LABEL_FILES = ("label_descriptions.json", "category_attributes_descriptions.json")


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
    header = _checked_header(path, name)
    labels_path, classes, attributes = _labels(root, path, name, labels)
    return Source(
        format=name,
        annotations=path,
        photo_dir=_photo_dir(root, path, name, photos),
        labels_path=labels_path,
        classes=classes,
        attributes=attributes,
        grid=_FORMATS[name].grid,
        group_by=group_by if group_by in header else None,
        read=_FORMATS[name].read,
    )


def _annotations(root: Path, format: str, given: str | Path | None) -> Path:
    if given is not None:
        return _given(root, given, "annotations")
    formats = _FORMATS.values() if format == "auto" else [_FORMATS[format]]
    usual = list(dict.fromkeys(name for found in formats for name in found.usual))
    for name in usual:
        if (root / name).exists():
            return root / name
    raise FashionError(f"{root} has none of {', '.join(usual)}: give the annotations' place as data.annotations.")


def _given(root: Path, given: str | Path, key: str) -> Path:
    # A path from the working directory is meant where there is none below the root.
    for path in (root / given, Path(given)):
        if path.exists():
            return path
    raise FashionError(f"{root / given} does not exist: correct data.{key}.")


def _recognise(path: Path) -> str:
    if path.is_dir():
        return "pngs"
    if path.suffix.lower() == ".json":
        return "coco"
    header = read_header(path)
    for name, found in _FORMATS.items():
        if found.columns and set(found.columns) <= set(header) and not (name == "submission" and _meant(path, header)):
            return name
    if "EncodedPixels" in header:
        missing = next(name for name in imaterialist2019.COLUMNS if name not in header)
        raise FashionError(f"{path} has no column {missing}: its header is {','.join(header)[:200]}.")
    raise FashionError(f"{path} is of no known format (header {','.join(header)[:200]}): see data.format.")


def _meant(path: Path, header: list[str]) -> bool:
    """Whether a file without all the columns of a training CSV was meant as one, and is no submission."""
    return path.name == "train.csv" or "Height" in header or "Width" in header


def _checked_header(path: Path, format: str) -> list[str]:
    """Columns of a CSV that is of the format, [] for a format that is none."""
    wanted = _FORMATS[format].columns
    if (format == "pngs") != path.is_dir():
        raise FashionError(f"{path} is {'a folder' if path.is_dir() else 'a file'}, which data={format} does not read.")
    if not wanted:
        return []
    header = read_header(path)
    if format == "imaterialist2019" and "AttributesIds" in header:
        raise FashionError(f"{path} is an iMaterialist 2020 file (column AttributesIds): use data=imaterialist2020.")
    missing = [name for name in wanted if name not in header]
    if missing == ["AttributesIds"]:
        raise FashionError(f"{path} is an iMaterialist 2019 file (no AttributesIds): use data=imaterialist2019.")
    if missing:
        raise FashionError(f"{path} has no column {missing[0]}: its header is {','.join(header)[:200]}.")
    return header


def _labels(root: Path, annotations: Path, format: str, given: str | Path | None) -> tuple[Path, Labels, Labels]:
    if given is not None:
        path = _given(root, given, "labels")
        return path, *read_labels(path)
    own = coco.own_labels(annotations) if format == "coco" else None
    if own is not None:
        return annotations, *own
    for folder in (root, annotations.parent):
        for name in _LABEL_FILES:
            if (folder / name).is_file():
                return folder / name, *read_labels(folder / name)
    raise FashionError(f"{root} has no label file ({' or '.join(_LABEL_FILES)}): give its place as data.labels.")


def _photo_dir(root: Path, annotations: Path, format: str, given: str | Path | None) -> Path | None:
    if given is not None:
        return _given(root, given, "photos")
    if format == "coco":
        return coco.find_photos(annotations, root)
    if format == "pngs":
        return pngs.find_photos(root)
    usual = root / annotations.stem  # train.csv has its photos in train/, test.csv in test/
    return usual if _FORMATS[format].grid is None and usual.is_dir() else None
