"""Outputs are written aside and renamed, so that a finished name never holds half a file."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO


@contextmanager
def text_aside(out: Path) -> Iterator[TextIO]:
    """A text file (UTF-8, line feeds alone) that takes the place of `out` when the block ends without an error."""
    aside = _aside(out)
    try:
        with aside.open("w", encoding="utf-8", newline="") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        aside.replace(out)
    finally:
        aside.unlink(missing_ok=True)


@contextmanager
def folder_aside(out: Path) -> Iterator[Path]:
    """A folder that gets the name `out` when the block ends without an error; `out` must not hold anything yet."""
    aside = _aside(out)
    aside.mkdir(parents=True)
    try:
        yield aside
        aside.rename(out)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _aside(out: Path) -> Path:
    return out.with_name(f".{out.name}.writing-{os.getpid()}")
