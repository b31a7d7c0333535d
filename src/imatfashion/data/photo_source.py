"""Where a table's photos come from: files of a folder, or the one file of prepared data."""

from __future__ import annotations

import os
import weakref
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from imatfashion.data.annotations import PREPARED, Annotations
from imatfashion.data.photos import EncodedPhoto, PhotoError, load_photo
from imatfashion.data.prepared import BLOB
from imatfashion.data.table.checks import map_array
from imatfashion.data.thumbnails import SIDE, Thumbnails, thumbnail, thumbnails
from imatfashion.errors import FashionError

Progress = Callable[[str], None] | None


class PhotoSource(Protocol):
    """The photos of a table, by their index in it; it pickles small and reads from any process."""

    def load(self, photo: int, /) -> EncodedPhoto:
        """The photo as it is stored.

        Raises:
            PhotoError: it is missing or damaged.
        """
        ...

    def thumbnail(self, photo: int, /) -> Thumbnails:
        """What near-duplicates of the photo are found by, uint8 (32, 32); all 0 where it cannot be read."""
        ...

    def thumbnails(self, *, progress: Progress = None) -> Thumbnails:
        """The thumbnails of all photos, uint8 (P, 32, 32); `progress` is told what takes time."""
        ...


def has_photos(annotations: Annotations) -> bool:
    """Whether a table knows where its photos are."""
    return annotations.meta.get("kind") == PREPARED or annotations.photo_dir is not None


def open_photos(annotations: Annotations) -> PhotoSource:
    """The photos of a table.

    Raises:
        FashionError: it knows no photos, or those of prepared data are damaged.
    """
    if annotations.meta.get("kind") == PREPARED:
        return BlobPhotos(annotations)
    if annotations.photo_dir is None:
        raise FashionError(f"the table {annotations.path} knows no photo folder: give data.photos")
    return FilePhotos(annotations, annotations.photo_dir)


class FilePhotos:
    """Photos as the files of a folder.

    Args:
        annotations: the table.
        folder: where the files lie that it names.
    """

    def __init__(self, annotations: Annotations, folder: Path) -> None:
        self._annotations, self._folder = annotations, folder

    def load(self, photo: int, /) -> EncodedPhoto:
        """The file's bytes.

        Raises:
            PhotoError: it is missing or cannot be read.
        """
        return load_photo(self._path(photo))

    def thumbnail(self, photo: int, /) -> Thumbnails:
        """Made from the file, uint8 (32, 32)."""
        return thumbnail(self._path(photo))

    def thumbnails(self, *, progress: Progress = None) -> Thumbnails:
        """Made from the files, and kept beside the table, uint8 (P, 32, 32)."""
        paths = [self._path(photo) for photo in range(len(self._annotations))]
        return thumbnails(paths, self._annotations.path, progress=progress)

    def _path(self, photo: int) -> Path:
        return self._folder / self._annotations.name(photo)


class BlobPhotos:
    """Photos of prepared data, each read with one access at its offset and checked.

    Args:
        annotations: the table, which lies in the same folder.

    Raises:
        FashionError: a file is missing or shorter than it was written.
    """

    def __init__(self, annotations: Annotations) -> None:
        self._annotations = annotations
        self._blob = annotations.path / BLOB
        self._offsets: npt.NDArray[np.int64] = self._array("photo_offsets", (len(annotations) + 1,))
        self._crc: npt.NDArray[np.uint32] = self._array("photo_crc", (len(annotations),))
        self._file: int | None = None
        size = self._blob.stat().st_size if self._blob.is_file() else 0
        if self._offsets.dtype != np.int64 or self._offsets[0] != 0 or (np.diff(self._offsets) < 0).any():
            raise FashionError(f"{annotations.path} is damaged (photo_offsets.npy): copy the prepared data again")
        if size != self._offsets[-1]:
            raise FashionError(
                f"{self._blob} has {size} bytes instead of {self._offsets[-1]}: copy the prepared data again"
            )

    def __reduce__(self) -> tuple[type[BlobPhotos], tuple[Annotations]]:
        # Each process opens the file for itself, when it first reads.
        return BlobPhotos, (self._annotations,)

    def load(self, photo: int, /) -> EncodedPhoto:
        """The JPEG's bytes; its path is that of the file of all photos, with the photo's name behind.

        Raises:
            PhotoError: it cannot be read, its checksum is wrong, or it was broken when the data was prepared.
        """
        path = self._blob / self._annotations.name(photo)
        begin, end = int(self._offsets[photo]), int(self._offsets[photo + 1])
        if begin == end:
            raise PhotoError(path, "it could not be read when the data was prepared")
        try:
            data = self._read(begin, end - begin)
        except OSError as error:
            raise PhotoError(path, (error.strerror or str(error)).lower()) from error
        if zlib.crc32(data) != self._crc[photo]:
            raise PhotoError(path, "its checksum is wrong")
        return EncodedPhoto(path, data)

    def thumbnail(self, photo: int, /) -> Thumbnails:
        """Of the photo as it was before it was prepared, uint8 (32, 32)."""
        return np.array(self._thumbnails()[photo])

    def thumbnails(self, *, progress: Progress = None) -> Thumbnails:
        """Of the photos as they were before they were prepared, uint8 (P, 32, 32)."""
        return self._thumbnails()

    def _read(self, begin: int, size: int) -> bytes:
        if self._file is None:
            self._file = os.open(self._blob, os.O_RDONLY | getattr(os, "O_BINARY", 0))
            weakref.finalize(self, os.close, self._file)
        # No file position is involved, so that threads and forked processes share the open file.
        return os.pread(self._file, size, begin)

    def _thumbnails(self) -> Thumbnails:
        return self._array("thumbnails", (len(self._annotations), SIDE, SIDE))

    def _array(self, name: str, shape: tuple[int, ...]) -> npt.NDArray[Any]:
        path = self._annotations.path / f"{name}.npy"
        try:
            mapped = map_array(path)
        except ValueError as error:
            raise FashionError(f"{path} is missing or damaged: copy the prepared data again") from error
        if mapped.shape != shape:
            raise FashionError(f"{path} does not belong to its table: copy the prepared data again")
        return mapped
