"""Markdown in which other people's text stays text."""

from __future__ import annotations

import re
from collections.abc import Sequence

from imatfashion.data.plain_text import visible

# What means something within a line of GitHub's Markdown; the last two are its links from bare addresses.
_MEANING = re.compile(r"([\\`*_\[\]<>|~&$@]|(?<=www)\.|:(?=//))")


def plain(text: object) -> str:
    """Text that shows as it is, in a paragraph or a table's cell, whatever is in it."""
    return _MEANING.sub(r"\\\1", visible(str(text)))


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """A table's lines: the first column to the left, the others to the right; cells are Markdown already."""
    ruler = [":--", *["--:"] * (len(heads) - 1)]
    return ["", *(f"| {' | '.join(cells)} |" for cells in (heads, ruler, *rows)), ""]


def text_table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """A table's lines, every column to the left."""
    return ["", *(f"| {' | '.join(cells)} |" for cells in (heads, ["---"] * len(heads), *rows)), ""]


def code(text: str) -> list[str]:
    """The text as a block of code, behind a fence longer than any in it."""
    longest = max((len(ticks) for ticks in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return ["", f"{fence}text", *map(visible, text.splitlines()), fence, ""]
