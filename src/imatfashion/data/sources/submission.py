"""A submission, ours or another's: ImageId, EncodedPixels, ClassId on the 512 × 512 grid."""

from __future__ import annotations

from collections.abc import Iterator

from imatfashion.data.records import EmptyPhoto, Garment, Record, Refusal
from imatfashion.data.sources.csv_rows import read_rows
from imatfashion.data.sources.fields import FieldError, parse_attributes, parse_class, parse_photo
from imatfashion.data.sources.source import Source
from imatfashion.masks.runs import RunError, parse_runs

COLUMNS = ["ImageId", "EncodedPixels", "ClassId"]
GRID = 512
FILLER = ("1 1", "23")
"""The customary row of a photo without a garment: EncodedPixels and ClassId."""


def read(source: Source, *, sorted_only: bool = False) -> Iterator[Record]:
    """Yield a garment or a refusal a row, and an empty photo for one whose only row is filler.

    Args:
        source: where the submission is.
        sorted_only: refuse runs that are not in rising order, as the competition does.
    """
    grid = source.grid or GRID
    fillers: dict[str, int] = {}
    others: set[str] = set()
    for row in read_rows(source.annotations, COLUMNS, source.meter):
        if isinstance(row, Refusal):
            yield row
            continue
        line, cells = row
        image, pixels, label = cells
        # Only the end of the file tells whether a filler is the only row of its photo.
        if (pixels.strip(), label) == FILLER and image not in fillers:
            fillers[image] = line
            continue
        others.add(image)
        yield _record(line, cells, grid, sorted_only)
    for image, line in fillers.items():
        if image in others:
            yield _record(line, [image, *FILLER], grid, sorted_only)
        else:
            yield _empty(image, line, grid)


def _record(line: int, cells: list[str], grid: int, sorted_only: bool) -> Record:
    image, pixels, label = cells
    try:
        class_text, *attribute_texts = label.split("_")
        class_id, attributes = parse_class(class_text), parse_attributes(attribute_texts)
        runs = parse_runs(pixels, grid, grid, sorted_only=sorted_only)
        return Garment(parse_photo(image), grid, grid, class_id, attributes, runs, line)
    except (FieldError, RunError) as error:
        return Refusal(line, image, str(error))


def _empty(image: str, line: int, grid: int) -> Record:
    try:
        return EmptyPhoto(parse_photo(image), grid, grid)
    except FieldError as error:
        return Refusal(line, image, str(error))
