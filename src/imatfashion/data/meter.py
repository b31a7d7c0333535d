"""How far a reader has come, for a progress bar."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

Progress = Callable[[int, int], None]
"""Told now and then: done and total, bytes of the files that are read."""


class Meter:
    """Done and total of what is being read, asked for while a reader is between two records."""

    def __init__(self) -> None:
        self.total = 0
        self._place: Callable[[], int] | None = None
        self._counted = 0

    @property
    def done(self) -> int:
        """How much of `total` has been read."""
        return self._counted if self._place is None else self._place()

    @contextmanager
    def watch(self, file: TextIO) -> Iterator[None]:
        """Measure by the place in a file, bytes; the text above the bytes is read ahead by a buffer at most."""
        self.total = os.fstat(file.fileno()).st_size
        self._place = file.buffer.tell
        try:
            yield
        finally:
            self._place, self._counted = None, self.total

    def count(self, paths: Sequence[Path]) -> Iterator[Path]:
        """The paths; the size of each counts when the next one is taken."""
        sizes = [path.stat().st_size for path in paths]
        self.total, self._counted = sum(sizes), 0
        for path, size in zip(paths, sizes, strict=True):
            yield path
            self._counted += size
