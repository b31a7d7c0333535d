"""Cells of an annotation file as values; a faulty one is a reason for refusal."""

from __future__ import annotations

from functools import lru_cache
from pathlib import PurePosixPath

from imatfashion.masks import runs


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
    if str(PurePosixPath(text)) != text:
        raise FieldError("the photo's name is not a plain path below the photo folder")
    return text


def parse_size(height: str, width: str) -> tuple[int, int]:
    """Height and Width, pixels.

    Raises:
        FieldError: not whole numbers, zero, or more pixels than runs can count.
    """
    for name, text in (("Height", height), ("Width", width)):
        if not is_whole(text):
            raise FieldError(f"the {name} '{text[:20]}' is not a whole number")
    return check_size(int(height), int(width))


def check_size(height: int, width: int) -> tuple[int, int]:
    """The size itself.

    Raises:
        FieldError: zero, negative, or more pixels than runs can count.
    """
    if height < 1 or width < 1 or not runs.fits(height, width):
        raise FieldError(f"the size {height} × {width} is not a photo's")
    return height, width


def parse_class(text: str) -> int:
    """A class id.

    Raises:
        FieldError: not a whole number.
    """
    if not is_whole(text):
        raise FieldError(f"the class id '{text[:20]}' is not a whole number")
    return int(text)


def parse_attributes(texts: list[str]) -> tuple[int, ...]:
    """Attribute ids, each once, in the order given.

    Raises:
        FieldError: one is not a whole number.
    """
    for text in texts:
        if not is_whole(text):
            raise FieldError(f"the attribute id '{text[:20]}' is not a whole number")
    return tuple(dict.fromkeys(int(text) for text in texts))


def is_whole(text: str) -> bool:
    """Whether the text is a whole number in plain digits, of a size that is meant as one."""
    return text.isascii() and text.isdigit() and len(text) <= 10
