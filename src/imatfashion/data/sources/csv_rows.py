"""Rows of an annotation CSV, streamed: memory holds one row, whatever the file's size."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

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


def read_rows(path: Path, columns: Sequence[str]) -> Iterator[tuple[int, list[str]] | Refusal]:
    """The cells of the wanted columns, row by row.

    Args:
        path: the CSV.
        columns: the wanted columns, all of which must be in the header.

    Yields:
        The line where the row ends (the header is line 1) and its cells, or a refusal of a row with a wrong number
        of cells.

    Raises:
        FashionError: a column is missing, or the file is not a readable UTF-8 CSV.
    """
    header = read_header(path)
    missing = [name for name in columns if name not in header]
    if missing:
        raise FashionError(f"{path} has no column {missing[0]}: its header is {','.join(header)[:200]}")
    places = [header.index(name) for name in columns]
    csv.field_size_limit(_LONGEST_CELL)
    with _sentences(path), path.open(encoding="utf-8-sig", newline="") as file:
        lines = csv.reader(file)
        next(lines)
        for cells in lines:
            if len(cells) == len(header):
                yield lines.line_num, [cells[place] for place in places]
            elif cells:
                yield Refusal(lines.line_num, cells[0][:200], f"the row has {len(cells)} cells, not {len(header)}")


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
