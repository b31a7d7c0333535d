"""The part file of a prediction: JSON lines that are appended photo by photo, so that a killed prediction goes on.

The first line is a fingerprint of everything that the result depends on; each further line is a photo, in order.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType

from imatfashion.data.file_lock import take_lock
from imatfashion.errors import FashionError
from imatfashion.predict.differences import Fingerprint, what_differs
from imatfashion.predict.results import PhotoResult, from_line, to_line


def part_path(output: Path, index: int, count: int) -> Path:
    """Where shard `index` of `count` keeps its photos until all are done."""
    ending = ".part" if count == 1 else f".part-{index}-of-{count}"
    return output.with_name(output.name + ending)


class PartFile:
    """Appends photos to a part file; opened again, it goes on behind the last whole line.

    Args:
        path: the file; made with its folder where it is not there.
        fingerprint: JSON-able settings that the photos depend on.
        names: the photos of this part, in order.

    Raises:
        FashionError: the file belongs to other settings or other photos, or cannot be written.
    """

    def __init__(self, path: Path, fingerprint: Fingerprint, names: Sequence[str]) -> None:
        self.path = path
        self.done = 0
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("a+b")
        except OSError as error:
            raise FashionError(f"{path} cannot be written ({error.strerror}); change output=") from error
        try:
            if not take_lock(self._file):
                raise _in_use(path)
            self._resume(fingerprint, names)
        except FashionError:
            self._file.close()
            raise

    def __enter__(self) -> PartFile:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._file.close()
        if error is not None and not self.done:
            self.path.unlink(missing_ok=True)  # nothing to go on with: the next attempt may have other settings

    def append(self, result: PhotoResult) -> None:
        """Write the next photo; after this returns, killing the process does not lose it."""
        self._write(to_line(result))
        self.done += 1

    def _write(self, line: str) -> None:
        self._file.write(line.encode() + b"\n")
        self._file.flush()

    def _resume(self, fingerprint: Fingerprint, names: Sequence[str]) -> None:
        self._file.seek(0)
        head = self._file.readline()
        if not head.endswith(b"\n"):
            self._file.truncate(0)
            self._write(json.dumps(fingerprint))
            return
        _check_fingerprint(self.path, head, fingerprint)
        end = self._file.tell()
        for name in names:
            line = self._file.readline()
            if not (line.endswith(b"\n") and _is_photo(line, name)):
                break
            end = self._file.tell()
            self.done += 1
        # The torn tail of a killed process; on a file opened to append, writing goes on at the cut.
        self._file.truncate(end)


def read_part(path: Path) -> Iterator[PhotoResult]:
    """The photos of a part file, one by one."""
    with path.open(encoding="utf-8") as file:
        next(file, "")
        yield from map(from_line, file)


def is_complete(path: Path, fingerprint: Fingerprint, count: int) -> bool:
    """Whether the part file is there, belongs to these settings and has all its photos."""
    try:
        with path.open("rb") as file:
            _check_fingerprint(path, file.readline(), fingerprint)
            return sum(line.endswith(b"\n") for line in file) == count
    except FileNotFoundError:
        return False


def _in_use(path: Path) -> FashionError:
    return FashionError(
        f"another process is writing to {path} at this moment: wait until it has ended, or change output="
    )


def _check_fingerprint(path: Path, head: bytes, fingerprint: Fingerprint) -> None:
    try:
        found = json.loads(head)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise FashionError(f"{path} is not a part of a prediction; remove it or change output=")
    if difference := what_differs(found, fingerprint):
        raise FashionError(
            f"{path} is an unfinished prediction with {difference}; finish it with those, remove it, or change output="
        )


def _is_photo(line: bytes, name: str) -> bool:
    try:
        return from_line(line.decode()).name == name
    except (FashionError, UnicodeDecodeError):
        return False
