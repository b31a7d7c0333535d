"""Rows of an annotation CSV, streamed: memory holds one row, whatever the file's size."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path

from imatfashion.data.meter import Meter
from imatfashion.data.plain_text import visible
from imatfashion.data.records import Refusal
from imatfashion.errors import FashionError

_LONGEST_CELL = 2**27
"""Characters; a lost quotation mark would otherwise read the rest of the file into one cell."""


def read_header(path: Path) -> list[str]:
    """Column names of a CSV.

    Raises:
        FashionError: the file is missing, empty or not UTF-8 text.
    """
    with _sentences(path), path.open(encoding="utf-8-sig", newline="") as file:
        header = next(csv.reader(file), None)
    if not header or not any(name.strip() for name in header):
        raise FashionError(f"{path} is empty: it needs a header and a row for each garment")
    return [name.strip() for name in header]


def shown(header: Sequence[str]) -> str:
    """A header for a message, cut where it is long."""
    return visible(",".join(header)[:200])


def read_rows(
    path: Path, columns: Sequence[str], meter: Meter | None = None
) -> Iterator[tuple[int, list[str]] | Refusal]:
    """The cells of the wanted columns, row by row.

    Args:
        path: the CSV.
        columns: the wanted columns, all of which must be in the header; the first one names the photo.
        meter: told how far the reading is.

    Yields:
        The line where the row ends (the header is line 1) and its cells, or a refusal of a row with a wrong number
        of cells.

    Raises:
        FashionError: a column is missing, or the file is not a readable UTF-8 CSV.
    """
    header = read_header(path)
    missing = [name for name in columns if name not in header]
    if missing:
        raise FashionError(f"{path} has no column {missing[0]}: its header is {shown(header)}")
    places = [header.index(name) for name in columns]
    csv.field_size_limit(_LONGEST_CELL)
    with (
        _sentences(path),
        path.open(encoding="utf-8-sig", newline="") as file,
        (meter or Meter()).watch(file),
    ):
        rows = _split(file)
        next(rows)
        for first, last, cells in rows:
            if len(cells) == len(header):
                yield last, [cells[place] for place in places]
            elif cells:
                reason = f"the row has {len(cells)} cells, not {len(header)}"
                if last > first:
                    reason += f"; it spans lines {first} to {last}: is a quotation mark lost?"
                # The first wanted column names the photo; a lost quotation mark leaves more in its cell.
                photo = cells[places[0]] if places[0] < len(cells) else ""
                yield Refusal(last, re.split(r"[,\n]", photo)[0], reason)


def _split(lines: Iterator[str]) -> Iterator[tuple[int, int, list[str]]]:
    """First line, last line and cells of each row, as the csv module gives them."""
    last = 0
    for line in lines:
        first = last + 1
        if '"' in line or len(line) > _LONGEST_CELL:
            row = csv.reader(chain([line], lines))
            cells, last = next(row), last + row.line_num
        else:
            # Without quotation marks a row is a line and commas part its cells: four times as fast as the csv module.
            text, last = line.rstrip("\r\n"), first
            cells = text.split(",") if text else []
        yield first, last, cells


@contextmanager
def _sentences(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise FashionError(f"the annotation file {path} cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise FashionError(f"{path} is not UTF-8 text: save it as UTF-8") from error
    except csv.Error as error:
        raise FashionError(f"{path} is not a readable CSV ({error})") from error
