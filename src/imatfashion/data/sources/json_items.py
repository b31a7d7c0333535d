"""Items of the lists in a large JSON object, one by one: memory holds an item, whatever the file's size."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, TextIO

from imatfashion.data.meter import Meter
from imatfashion.data.plain_text import visible
from imatfashion.errors import FashionError

_CHUNK = 2**20
_AFTER_VALUE = frozenset(",:]} \t\r\n")
_DECODER = json.JSONDecoder()


def json_items(path: Path, keys: Collection[str], meter: Meter | None = None) -> Iterator[tuple[str, Any]]:
    """Stream the lists of a JSON object.

    Args:
        path: a file whose outermost value is an object.
        keys: names of its lists that are wanted.
        meter: told how far the reading is.

    Yields:
        Name of the list and item, in the file's order.

    Raises:
        FashionError: the file is missing, is no such JSON, or a wanted value is not a list.
    """
    try:
        with path.open(encoding="utf-8-sig") as file, (meter or Meter()).watch(file):
            yield from _items(_Text(file), keys)
    except OSError as error:
        raise FashionError(f"the annotation file {path} cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise FashionError(f"{path} is not UTF-8 text: save it as UTF-8") from error
    except RecursionError as error:
        raise FashionError(f"{path} is not a valid COCO JSON file (nested too deep)") from error
    except ValueError as error:
        raise FashionError(f"{path} is not a valid COCO JSON file ({error})") from error


def _items(text: _Text, keys: Collection[str]) -> Iterator[tuple[str, Any]]:
    text.take("{")
    while text.peek() != "}":
        key = text.value()
        if not isinstance(key, str):
            raise ValueError("a key is not text")
        text.take(":")
        if text.peek() == "[":
            yield from ((key, item) for item in _list(text) if key in keys)
        elif key in keys:
            raise ValueError(f"'{key}' is not a list")
        else:
            text.value()
        if text.peek() != "}":
            text.take(",")


def _list(text: _Text) -> Iterator[Any]:
    text.take("[")
    while text.peek() != "]":
        yield text.value()
        if text.peek() != "]":
            text.take(",")
    text.take("]")


class _Text:
    """A window over the file's characters."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._text = ""
        self._place = 0
        self._ended = False

    def peek(self) -> str:
        """The next character that is no space; an error at the end."""
        while True:
            while self._place < len(self._text) and self._text[self._place] in " \t\r\n":
                self._place += 1
            if self._place < len(self._text):
                return self._text[self._place]
            if self._ended:
                raise ValueError("the file breaks off")
            self._refill()

    def take(self, wanted: str) -> None:
        """Step over one character that must come next."""
        found = self.peek()
        if found != wanted:
            raise ValueError(f"'{wanted}' expected where '{visible(found)}' stands")
        self._place += 1

    def value(self) -> Any:
        """The next value, whole."""
        self.peek()
        while True:
            try:
                value, end = _DECODER.raw_decode(self._text, self._place)
            except ValueError:
                if self._ended:
                    raise
            else:
                # A number at the window's end may go on behind it: 1 of 1.5, of 1e5, of 12.
                if self._ended or self._text[end : end + 1] in _AFTER_VALUE:
                    self._place = end
                    return value
            self._refill()

    def _refill(self) -> None:
        rest = self._text[self._place :]
        # Doubling keeps the repeated attempts at one long value linear in its length.
        more = self._file.read(max(_CHUNK, len(rest)))
        self._ended = not more
        self._text, self._place = rest + more, 0
