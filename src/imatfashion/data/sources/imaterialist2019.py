"""iMaterialist Fashion 2019: ImageId, EncodedPixels, Height, Width, ClassId (`class_attribute_attribute`)."""

from __future__ import annotations

from collections.abc import Iterator

from imatfashion.data.records import Record
from imatfashion.data.sources.competition import read_competition
from imatfashion.data.sources.source import Source

COLUMNS = ["ImageId", "EncodedPixels", "Height", "Width", "ClassId"]


def read(source: Source) -> Iterator[Record]:
    """Yield a garment or a refusal a row."""
    return read_competition(source, COLUMNS, _labels)


def _labels(cells: list[str]) -> tuple[str, list[str]]:
    class_text, *attribute_texts = cells[0].split("_")
    return class_text, attribute_texts
