"""Text of other people's files, made safe to show: on a terminal, in a line, in a spreadsheet."""

from __future__ import annotations


def visible(text: str) -> str:
    """The text with what cannot be printed (control characters, line ends, lone surrogates) written as escapes."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def brief(value: object, most: int = 200) -> str:
    """The value as text that a sentence can repeat: visible, and cut with an ellipsis behind so many letters."""
    text = str(value)
    return visible(text if len(text) <= most else text[: most - 1] + "…")


def plain_cell(text: str) -> str:
    """The text as a CSV cell that no spreadsheet takes for a formula."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r", "\n") else text
