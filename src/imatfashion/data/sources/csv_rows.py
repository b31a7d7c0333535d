"""Rows of an annotation CSV, streamed: memory holds one row, whatever the file's size."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TextIO

from imatfashion.data.meter import Meter
from imatfashion.data.plain_text import visible
from imatfashion.data.records import Refusal
from imatfashion.errors import FashionError

_LONGEST_CELL = 2**27
"""Characters of a cell and of a line: a lost quotation mark would otherwise read the rest of the file into one cell,
and what a broken download leaves, gigabytes of zeros, into one line."""


def read_header(path: Path) -> list[str]:
    """Column names of a CSV.

    Raises:
        FashionError: the file is missing, empty, not UTF-8 text, or one line that does not end.
    """
    with _sentences(path), path.open(encoding="utf-8-sig", newline="") as file:
        _, _, header = next(_split(file), (0, 0, None))
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


def _split(file: TextIO) -> Iterator[tuple[int, int, list[str]]]:
    """First line, last line and cells of each row, as the csv module gives them."""
    # Not `for line in file`, which would read a line without an end as a whole.
    lines = iter(partial(file.readline, _LONGEST_CELL + 1), "")
    last = 0
    for line in lines:
        first = last + 1
        if len(line) > _LONGEST_CELL:
            raise _too_long(first)
        if '"' in line:
            cells, count = _quoted(chain([line], lines), first)
            last += count
        else:
            # Without quotation marks a row is a line and commas part its cells: four times as fast as the csv module.
            text, last = line.rstrip("\r\n"), first
            cells = text.split(",") if text else []
        yield first, last, cells


def _quoted(lines: Iterator[str], first: int) -> tuple[list[str], int]:
    """Cells of the row that begins with the next line, and how many lines it takes."""
    row = csv.reader(map(_whole, lines))
    before = csv.field_size_limit(_LONGEST_CELL)  # the whole process has one
    try:
        return next(row), row.line_num
    except csv.Error as error:  # nothing but a length: what else the module refuses, it refuses only if asked to
        raise _too_long(first) from error
    finally:
        csv.field_size_limit(before)


def _whole(line: str) -> str:
    if len(line) > _LONGEST_CELL:
        raise csv.Error("the rest of the line would be taken for a row of its own")
    return line


def _too_long(row: int) -> csv.Error:
    return csv.Error(f"row {row} has more than {_LONGEST_CELL} characters")


@contextmanager
def _sentences(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise FashionError(f"the annotation file {path} cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise FashionError(f"{path} is not UTF-8 text: save it as UTF-8") from error
    except csv.Error as error:
        hint = "is the download complete, is no quotation mark lost?"
        raise FashionError(f"{path} is not a readable CSV ({error}): {hint}") from error
