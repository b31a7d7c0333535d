"""The files of a table while it is written: arrays that grow, strings, and the rename that puts it in place."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from imatfashion.errors import FashionError

_ABANDONED = 24 * 3600.0
_BUFFER = 2**20


class GrowingArray:
    """An int32 .npy file that is appended to; its length is written into the header at the end."""

    def __init__(self, path: Path) -> None:
        self._file: BinaryIO = path.open("wb", buffering=_BUFFER)
        self._length = 0
        self._header()

    def __len__(self) -> int:
        return self._length

    def append(self, values: npt.NDArray[np.int32]) -> None:
        """Add values at the end."""
        self._file.write(np.ascontiguousarray(values, dtype=np.int32).view(np.uint8).data)
        self._length += len(values)

    def close(self) -> None:
        """Write the length and close the file."""
        self._file.seek(0)
        self._header()
        self._file.close()

    def _header(self) -> None:
        # numpy pads its headers, so that a longer length fits where a shorter one stood.
        fields = {"descr": "<i4", "fortran_order": False, "shape": (self._length,)}
        np.lib.format.write_array_header_1_0(self._file, fields)


def save_array(folder: Path, name: str, values: npt.NDArray[Any]) -> None:
    """Write an array as folder/name.npy, byte for byte as numpy does, which does not say that a disk is full."""
    values = np.ascontiguousarray(values)
    with (folder / f"{name}.npy").open("wb") as file:
        np.lib.format.write_array_header_1_0(file, np.lib.format.header_data_from_array_1_0(values))
        file.write(values.reshape(-1).view(np.uint8).data)


def save_strings(folder: Path, name: str, values: Sequence[bytes]) -> None:
    """Write strings as one byte array and offsets, (n + 1,)."""
    offsets = np.zeros(len(values) + 1, dtype=np.int64)
    np.cumsum([len(value) for value in values], out=offsets[1:])
    save_array(folder, f"{name}_bytes", np.frombuffer(b"".join(values), dtype=np.uint8))
    save_array(folder, f"{name}_offsets", offsets)


def is_table(path: Path) -> bool:
    """Whether a finished table lies there."""
    return (path / "meta.json").is_file()


def put_in_place(folder: Path, out: Path, *, replace: bool) -> None:
    """Rename a finished folder to its place, surely on disk.

    Without `replace`, a table that is there already stays and the folder is left for the caller to remove.

    Raises:
        FashionError: something that is no table stands in the place.
    """
    sync_folder(folder)
    if replace and is_table(out):
        # A table that somebody has open stays readable: its files live as long as they are mapped.
        aside = folder.with_name(folder.name + "-old")
        with suppress(FileNotFoundError):  # another process has just done the same
            out.rename(aside)
        shutil.rmtree(aside, ignore_errors=True)
    try:
        folder.rename(out)
    except OSError as error:
        if not is_table(out):
            raise FashionError(f"the table cannot be put at {out} ({error.strerror})") from error
    _sync(out.parent)


def remove_abandoned(out: Path) -> None:
    """Remove what builders of this table that were killed more than a day ago left behind."""
    for folder in out.parent.glob(f".{out.name}.building-*"):
        # A file that is gone meanwhile shows that its builder lives: it has just put its table in place. And what
        # belongs to somebody else in a shared folder may be closed to us.
        with suppress(OSError):
            if max(path.stat().st_mtime for path in (folder, *folder.iterdir())) < time.time() - _ABANDONED:
                shutil.rmtree(folder, ignore_errors=True)


def sync_folder(folder: Path) -> None:
    """Bring a folder's files and its entries to disk."""
    for path in folder.iterdir():
        _sync(path)
    _sync(folder)


def _sync(path: Path) -> None:
    if path.is_dir() and os.name != "posix":  # folders cannot be opened elsewhere
        return
    handle = os.open(path, os.O_RDONLY if os.name == "posix" else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def file_state(path: Path) -> list[int]:
    """Size in bytes and time of change of a file, both 0 where there is none."""
    try:
        state = path.stat()
    except (OSError, ValueError):
        return [0, 0]
    return [state.st_size, state.st_mtime_ns]
