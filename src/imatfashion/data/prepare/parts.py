"""The files of a preparation as they grow: appended chunk by chunk, so that a killed one goes on."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from contextlib import ExitStack
from itertools import takewhile
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

from imatfashion.data.file_lock import take_lock
from imatfashion.data.prepare.chunks import Chunk
from imatfashion.data.prepared import BLOB
from imatfashion.errors import FashionError

Fingerprint = dict[str, Any]

RECORDS, COUNTS, RUNS = "photos.records", "garments.counts", "runs.pairs"
JOURNAL = "journal.jsonl"
"""First line: what the result depends on. Each further one: photos done, and bytes of each file by then."""
TABLE = "table"
"""Folder that becomes the prepared data."""
_FILES = (BLOB, RECORDS, COUNTS, RUNS)


class Parts:
    """Appends chunks; opened again, it goes on behind the last one that is whole. A context manager.

    Args:
        folder: where the files grow; made where it is not there.
        fingerprint: JSON values that the result depends on.

    Attributes:
        done: photos that are kept.

    Raises:
        FashionError: the folder belongs to other settings or other data, or another process is at it.
        OSError: it cannot be written.
    """

    def __init__(self, folder: Path, fingerprint: Fingerprint) -> None:
        self.folder = folder
        self.done = 0
        folder.mkdir(parents=True, exist_ok=True)
        with ExitStack() as stack:
            self._journal = stack.enter_context((folder / JOURNAL).open("a+b"))
            if not take_lock(self._journal):
                raise FashionError(f"another process is preparing {folder}: wait until it has finished")
            if (folder / TABLE / BLOB).is_file():  # killed when all but the last rename was done
                (folder / TABLE / BLOB).rename(folder / BLOB)
            ends = self._resume(fingerprint)
            self._files = [stack.enter_context((folder / name).open("ab")) for name in _FILES]
            for file, end in zip(self._files, ends, strict=True):
                file.truncate(end)
                file.seek(end)
            self._stack = stack.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stack.close()

    def append(self, chunk: Chunk) -> None:
        """Write the next photos; after this returns, not even a power cut loses them.

        Raises:
            OSError: the disk is full, or fails.
        """
        contents = (chunk.jpegs, *(array.tobytes() for array in (chunk.photos, chunk.counts, chunk.runs)))
        for file, content in zip(self._files, contents, strict=True):
            file.write(content)
            _to_disk(file)
        self.done += len(chunk.photos)
        self._note({"photos": self.done, "bytes": [file.tell() for file in self._files]})

    def _note(self, line: dict[str, Any]) -> None:
        self._journal.write(json.dumps(line).encode() + b"\n")
        _to_disk(self._journal)

    def _resume(self, fingerprint: Fingerprint) -> Sequence[int]:
        """Cut the journal behind the last chunk that all files hold; how long each file was then, bytes."""
        self._journal.seek(0)
        lines = self._journal.read().splitlines(keepends=True)
        notes = list(takewhile(bool, map(_parse, lines)))
        if not notes:
            self._journal.truncate(0)
            self._note(fingerprint)
            return [0] * len(_FILES)
        different = sorted(key for key in fingerprint | notes[0] if fingerprint.get(key) != notes[0].get(key))
        if different:
            raise FashionError(
                f"{self.folder} is an unfinished preparation with another {', '.join(different)}: "
                "finish it as it was begun, remove it, or name another folder"
            )
        sizes = [_size(self.folder / name) for name in _FILES]
        kept = [all(map(int.__ge__, sizes, note["bytes"])) for note in notes[1:]]
        count = kept.index(False) if False in kept else len(kept)
        self._journal.truncate(sum(map(len, lines[: count + 1])))
        if not count:
            return [0] * len(_FILES)
        self.done = int(notes[count]["photos"])
        ends: list[int] = notes[count]["bytes"]
        return ends


def _parse(line: bytes) -> dict[str, Any]:
    """A line of the journal, {} for a torn one."""
    try:
        note = json.loads(line) if line.endswith(b"\n") else {}
    except ValueError:
        return {}
    return note if isinstance(note, dict) else {}


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def _to_disk(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())
