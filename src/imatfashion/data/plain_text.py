"""Text of other people's files, made safe to show: on a terminal, in a line, in a spreadsheet."""

from __future__ import annotations


def visible(text: str) -> str:
    """The text with what cannot be printed (control characters, line ends, lone surrogates) written as escapes."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def plain_cell(text: str) -> str:
    """The text as a CSV cell that no spreadsheet takes for a formula."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r", "\n") else text
