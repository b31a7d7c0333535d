"""From a folder to a source that can be read."""

from __future__ import annotations

from pathlib import Path

from imatfashion.data.labels import Labels, read_labels
from imatfashion.data.sources import coco
from imatfashion.data.sources.files import USUAL, DataFiles
from imatfashion.data.sources.formats import FORMATS
from imatfashion.data.sources.locate import Location, locate
from imatfashion.data.sources.source import Source
from imatfashion.errors import FashionError


def open_source(root: Path, files: DataFiles = USUAL) -> Source:
    """Find a data set's files and the reader for them.

    Args:
        root: folder of the data set, or its annotation file.
        files: which of its files are meant, and how they are read.

    Raises:
        FashionError: a file is missing, empty, of another format or year, or lacks a column.
    """
    return load(locate(root, files))


def load(place: Location) -> Source:
    """The source at a place, its labels read.

    Raises:
        FashionError: the labels are missing or faulty.
    """
    labels_path, classes, attributes = _labels(place)
    return Source(
        format=place.format,
        annotations=place.annotations,
        photo_dir=place.photo_dir,
        labels_path=labels_path,
        classes=classes,
        attributes=attributes,
        grid=FORMATS[place.format].grid,
        group_by=place.group_by,
        read=FORMATS[place.format].read,
    )


def _labels(place: Location) -> tuple[Path, Labels, Labels]:
    for path in place.label_files:
        # The annotation file itself is streamed, since it may be large.
        own = place.format == "coco" and path == place.annotations
        found = coco.own_labels(path) if own else read_labels(path)
        if found is not None:
            return path, *found
    raise FashionError(f"{place.annotations} has no categories of its own: give a label file as data.labels (--labels)")
