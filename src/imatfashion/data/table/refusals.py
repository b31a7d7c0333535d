"""The records that were not taken: refused.csv, and a count of the reasons."""

from __future__ import annotations

import csv
import re
from collections import Counter
from pathlib import Path
from types import TracebackType
from typing import Self

from imatfashion.data.plain_text import plain_cell, visible
from imatfashion.data.records import Refusal
from imatfashion.errors import FashionError

FILE = "refused.csv"
_LONGEST_NAME = 200


class Refusals:
    """Takes refusals and writes them down as they come.

    Args:
        folder: where refused.csv is written.
        source: the annotation file, for messages.
        on_bad: `skip` goes on, `error` raises at the first.

    Attributes:
        reasons: how often each kind of reason came, its numbers and quotations left out.
        first: the first refusal as a sentence, "" without any.
    """

    def __init__(self, folder: Path, source: Path, on_bad: str) -> None:
        self.reasons: Counter[str] = Counter()
        self.first = ""
        self._source, self._on_bad = source, on_bad
        self._file = (folder / FILE).open("w", encoding="utf-8", errors="backslashreplace", newline="")
        self._rows = csv.writer(self._file)

    def __enter__(self) -> Self:
        self._rows.writerow(["row", "photo", "reason"])
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._file.close()

    def add(self, refusal: Refusal) -> None:
        """Write a refusal down; a negative row means the photo itself, not a row.

        Raises:
            FashionError: `on_bad` is `error`.
        """
        row = str(refusal.row) if refusal.row >= 0 else ""
        photo, reason = visible(refusal.photo[:_LONGEST_NAME]), visible(refusal.reason)
        sentence = f"{self._source}, {refusal_line(row, photo, reason)}"
        if self._on_bad == "error":
            raise FashionError(sentence)
        self.first = self.first or sentence
        self.reasons[re.sub(r"'[^']*'|-?\d+", "…", reason)[:80]] += 1
        self._rows.writerow([row, plain_cell(photo), plain_cell(reason)])


def first_refusal(table: Path, source: Path) -> str:
    """The first line of a table's refused.csv as a sentence."""
    with (table / FILE).open(encoding="utf-8", newline="") as file:
        row = next(csv.DictReader(file))
    return f"{source}, {refusal_line(row['row'], row['photo'], row['reason'])}"


def refusal_line(row: str, photo: str, reason: str) -> str:
    """A refusal in words; `row` and `photo` are "" where there is none."""
    if not row:
        return f"{photo or 'an item without a name'}: {reason}"
    return f"row {row} ({photo or 'no photo named'}): {reason}"
