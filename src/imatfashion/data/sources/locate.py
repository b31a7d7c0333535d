"""Where a data set's files lie and which format they are, told without reading more than headers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from imatfashion.data.sources import coco, imaterialist2019, pngs
from imatfashion.data.sources.csv_rows import read_header, shown
from imatfashion.data.sources.files import DataFiles
from imatfashion.data.sources.formats import FORMATS
from imatfashion.errors import FashionError

NAMES = ("auto", *FORMATS)
"""What `format` may be."""
OPTIONS = {"annotations": "--annotations", "photos": "--photo-dir", "labels": "--labels"}
"""What the `imatfashion` command calls the keys of the config."""
LABEL_FILES = ("label_descriptions.json", "category_attributes_descriptions.json")
"""Usual names of a label file."""


@dataclass(frozen=True)
class Location:
    """A data set's place.

    Attributes:
        root: folder of the data set.
        format: the format's name, never `auto`.
        annotations: the annotation file, or the folder of index PNGs.
        photo_dir: folder of the photos, None where there is none.
        label_files: files that may hold the labels; the first that does counts.
        group_by: column of the CSV that groups photos, None where there is no such column.
    """

    root: Path
    format: str
    annotations: Path
    photo_dir: Path | None
    label_files: tuple[Path, ...]
    group_by: str | None


def locate(root: Path, files: DataFiles) -> Location:
    """Find a data set's files; the arguments are those of `open_source`.

    Raises:
        FashionError: a file is missing, empty, of another format or year, or lacks a column.
    """
    if files.format not in NAMES:
        raise FashionError(f"data.format={files.format} is unknown: it is one of {', '.join(NAMES)}")
    annotations = files.annotations
    if root.is_file():
        root, annotations = root.parent, annotations or root.name
    if not root.is_dir():
        raise FashionError(f"the data folder {root} does not exist: give the folder of the data set")
    path = _annotations(root, files.format, annotations)
    name = _recognise(path) if files.format == "auto" else files.format
    header = _checked_header(path, name)
    return Location(
        root=root,
        format=name,
        annotations=path,
        photo_dir=_photo_dir(root, path, name, files.photos),
        label_files=_label_files(root, path, name, files.labels),
        group_by=files.group_by if files.group_by in header else None,
    )


def _annotations(root: Path, format: str, given: str | Path | None) -> Path:
    if given is not None:
        return _given(root, given, "annotations")
    formats = FORMATS.values() if format == "auto" else [FORMATS[format]]
    usual = list(dict.fromkeys(name for found in formats for name in found.usual))
    for name in usual:
        if (root / name).exists():
            return root / name
    raise FashionError(f"{root} has none of {', '.join(usual)}: give them as data.annotations (--annotations)")


def _given(root: Path, given: str | Path, key: str) -> Path:
    # A path from the working directory is meant where there is none below the root.
    for path in (root / given, Path(given)):
        if path.exists():
            return path
    raise FashionError(f"{root / given} does not exist: correct data.{key} ({OPTIONS[key]})")


def _recognise(path: Path) -> str:
    if path.is_dir():
        return "pngs"
    if path.suffix.lower() == ".json":
        return "coco"
    header = read_header(path)
    for name, found in FORMATS.items():
        if found.columns and set(found.columns) <= set(header) and not (name == "submission" and _meant(path, header)):
            return name
    if "EncodedPixels" in header:
        missing = next(name for name in imaterialist2019.COLUMNS if name not in header)
        raise FashionError(f"{path} has no column {missing}: its header is {shown(header)}")
    raise FashionError(f"{path} is of no known format (header {shown(header)}): see data.format (--format)")


def _meant(path: Path, header: list[str]) -> bool:
    """Whether a file without all the columns of a training CSV was meant as one, and is no submission."""
    return path.name == "train.csv" or "Height" in header or "Width" in header


def _checked_header(path: Path, format: str) -> list[str]:
    """Columns of a CSV that is of the format, [] for a format that is none."""
    wanted = FORMATS[format].columns
    if (format == "pngs") != path.is_dir():
        raise FashionError(f"{path} is {'a folder' if path.is_dir() else 'a file'}, which data={format} does not read")
    if not wanted:
        return []
    header = read_header(path)
    if format == "imaterialist2019" and "AttributesIds" in header:
        raise FashionError(f"{path} is an iMaterialist 2020 file (column AttributesIds): use data=imaterialist2020")
    if format == "submission" and {"Height", "Width"} <= set(header):
        raise FashionError(f"{path} is no submission: it has Height and Width, so its masks lie on the photos")
    missing = [name for name in wanted if name not in header]
    if missing == ["AttributesIds"]:
        raise FashionError(f"{path} is an iMaterialist 2019 file (no AttributesIds): use data=imaterialist2019")
    if missing:
        raise FashionError(f"{path} has no column {missing[0]}: its header is {shown(header)}")
    return header


def _photo_dir(root: Path, annotations: Path, format: str, given: str | Path | None) -> Path | None:
    if given is not None:
        return _given(root, given, "photos")
    if format == "coco":
        return coco.find_photos(annotations, root)
    if format == "pngs":
        return pngs.find_photos(root)
    usual = root / annotations.stem  # train.csv has its photos in train/, test.csv in test/
    return usual if FORMATS[format].grid is None and usual.is_dir() else None


def _label_files(root: Path, annotations: Path, format: str, given: str | Path | None) -> tuple[Path, ...]:
    if given is not None:
        return (_given(root, given, "labels"),)
    folders = dict.fromkeys((root, annotations.parent))
    files = tuple(folder / name for folder in folders for name in LABEL_FILES if (folder / name).is_file())
    # A COCO file may carry its own labels.
    found = (annotations, *files) if format == "coco" else files
    if not found:
        raise FashionError(f"{root} has no label file ({' or '.join(LABEL_FILES)}): give one as data.labels (--labels)")
    return found
