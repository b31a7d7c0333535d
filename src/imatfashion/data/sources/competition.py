"""What the two years' training CSVs share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from imatfashion.data.records import Garment, Record, Refusal
from imatfashion.data.sources.csv_rows import read_rows
from imatfashion.data.sources.fields import FieldError, parse_attributes, parse_class, parse_photo, parse_size
from imatfashion.data.sources.source import Source
from imatfashion.masks.runs import RunError, parse_runs

LabelCells = Callable[[list[str]], tuple[str, list[str]]]


def read_competition(
    source: Source, columns: list[str], labels: LabelCells, photo_name: Callable[[str], str] = str
) -> Iterator[Record]:
    """Yield a garment or a refusal a row.

    Args:
        source: where the CSV is.
        columns: ImageId, EncodedPixels, Height, Width, then the columns of the labels.
        labels: from the labels' cells to the text of the class and of each attribute.
        photo_name: from ImageId to the photo's file name.
    """
    wanted = [*columns, *([source.group_by] if source.group_by else [])]
    for row in read_rows(source.annotations, wanted, source.meter):
        if isinstance(row, Refusal):
            yield replace(row, photo=photo_name(row.photo))
            continue
        line, (image, *cells) = row
        group = cells.pop() if source.group_by else ""
        # A refused row names its photo as others do: it has rows, so it is no photo without garments.
        photo = image[:200]
        try:
            photo = photo_name(parse_photo(image))
            yield _garment(line, photo, cells[:3], *labels(cells[3:]), group)
        except (FieldError, RunError) as error:
            yield Refusal(line, photo, str(error))


def _garment(
    line: int, photo: str, cells: list[str], class_text: str, attribute_texts: list[str], group: str
) -> Garment:
    pixels, height_text, width_text = cells
    height, width = parse_size(height_text, width_text)
    class_id, attributes = parse_class(class_text), parse_attributes(attribute_texts)
    runs = parse_runs(pixels, height, width)
    if not runs.area:
        raise RunError("the mask has no run")
    # Most photos were annotated without attributes: none given means left open.
    return Garment(photo, height, width, class_id, attributes or None, runs, line, group)
