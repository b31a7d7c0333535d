"""iMaterialist Fashion 2020: ClassId is a number, AttributesIds a list with commas, ImageId has no ending."""

from __future__ import annotations

from collections.abc import Iterator

from imatfashion.data.records import Record
from imatfashion.data.sources.competition import read_competition
from imatfashion.data.sources.photo_files import photos_by_stem
from imatfashion.data.sources.source import Source

COLUMNS = ["ImageId", "EncodedPixels", "Height", "Width", "ClassId", "AttributesIds"]


def read(source: Source) -> Iterator[Record]:
    """Yield a garment or a refusal a row; a photo's name has the ending of its file (.jpg where there is none)."""
    names = photos_by_stem(source.photo_dir)
    return read_competition(source, COLUMNS, _labels, lambda image: names.get(image, _with_ending(image)))


def _labels(cells: list[str]) -> tuple[str, list[str]]:
    class_text, attributes = cells
    return class_text, [text.strip() for text in attributes.split(",")] if attributes.strip() else []


def _with_ending(image: str) -> str:
    return image if image.lower().endswith((".jpg", ".jpeg")) else f"{image}.jpg"
