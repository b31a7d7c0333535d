"""Cells of an annotation file as values; a faulty one is a reason for refusal."""

from __future__ import annotations

from functools import lru_cache
from pathlib import PurePosixPath

from imatfashion.data.decode import LARGEST_PHOTO

_MOST_DIGITS = 10


class FieldError(ValueError):
    """A cell that means nothing; the message is a reason, without the place."""


@lru_cache(1024)  # a photo's rows mostly follow one another
def parse_photo(text: str) -> str:
    """A photo's name below the photo folder.

    Raises:
        FieldError: no name, or one that could lead out of the folder.
    """
    if not text.strip():
        raise FieldError("the photo has no name")
    if not text.isprintable():
        raise FieldError("the photo's name has characters that cannot be printed")
    if text[0] in "/\\" or ".." in text.replace("\\", "/").split("/") or text[1:2] == ":":
        raise FieldError("the photo's name leads out of the photo folder")
    if str(PurePosixPath(text)) != text or not PurePosixPath(text).name:  # "." has no name
        raise FieldError("the photo's name is not a plain path below the photo folder")
    return text


def parse_size(height: str, width: str) -> tuple[int, int]:
    """Height and Width, pixels.

    Raises:
        FieldError: not whole numbers, zero, or more pixels than runs can count.
    """
    return check_size(_whole(height, "Height"), _whole(width, "Width"))


def check_size(height: int, width: int) -> tuple[int, int]:
    """The size itself.

    Raises:
        FieldError: zero, negative, or more pixels than runs can count.
    """
    if height < 1 or width < 1:
        raise FieldError(f"the size {height} × {width} is not a photo's")
    if height * width > LARGEST_PHOTO:
        raise FieldError(f"the size {height} × {width} is no photo's: more than {LARGEST_PHOTO} pixels are never read")
    return height, width


def parse_class(text: str) -> int:
    """A class id.

    Raises:
        FieldError: not a whole number.
    """
    return _whole(text, "class id")


def parse_attributes(texts: list[str]) -> tuple[int, ...]:
    """Attribute ids, each once, in the order given.

    Raises:
        FieldError: one is not a whole number.
    """
    return tuple(dict.fromkeys(_whole(text, "attribute id") for text in texts))


def _whole(text: str, name: str) -> int:
    # isdigit alone would take digits of other scripts; int() alone would take "1_0" and " 1".
    if not (text.isascii() and text.isdigit()):
        raise FieldError(f"the {name} '{text[:20]}' is not a whole number")
    if len(text) > _MOST_DIGITS:
        raise FieldError(f"the {name} {text[:20]} is too large")
    return int(text)
