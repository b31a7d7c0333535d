"""iMaterialist Fashion 2019: ImageId, EncodedPixels, Height, Width, ClassId (`class_attribute_attribute`)."""

from __future__ import annotations

from collections.abc import Iterator

from imatfashion.data.records import Garment, Record, Refusal
from imatfashion.data.sources.csv_rows import read_rows
from imatfashion.data.sources.fields import FieldError, parse_attributes, parse_class, parse_photo, parse_size
from imatfashion.data.sources.source import Source
from imatfashion.masks.runs import RunError, parse_runs

COLUMNS = ["ImageId", "EncodedPixels", "Height", "Width", "ClassId"]


def read(source: Source) -> Iterator[Record]:
    """Yield a garment or a refusal a row."""
    for row in read_rows(source.annotations, [*COLUMNS, *([source.group_by] if source.group_by else [])]):
        if isinstance(row, Refusal):
            yield row
            continue
        line, cells = row
        try:
            yield _garment(line, cells)
        except (FieldError, RunError) as error:
            yield Refusal(line, cells[0], str(error))


def _garment(line: int, cells: list[str]) -> Garment:
    image, pixels, height_text, width_text, label = cells[:5]
    photo = parse_photo(image)
    height, width = parse_size(height_text, width_text)
    class_text, *attribute_texts = label.split("_")
    class_id, attributes = parse_class(class_text), parse_attributes(attribute_texts)
    runs = parse_runs(pixels, height, width)
    if not runs.area:
        raise RunError("the mask has no run")
    # Most photos were annotated without attributes: none given means left open.
    return Garment(photo, height, width, class_id, attributes or None, runs, line, "".join(cells[5:]))
