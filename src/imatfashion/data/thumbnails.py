"""A grey thumbnail of every photo, kept beside the table: what near-duplicates are found by."""

from __future__ import annotations

import logging
import os
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from imatfashion.data.photos import PhotoError, read_photo

SIDE = 32
"""Side of a thumbnail, pixels."""
CACHE_NAME = "thumbnails-1.npz"
"""File in the table directory; the number is the format's version."""

Thumbnails = npt.NDArray[np.uint8]
Stamps = npt.NDArray[np.int64]

_LOG = logging.getLogger(__name__)
# A photo decoded at no less than this differs little from itself at another scale once it is averaged down.
_AT_LEAST = (4 * SIDE, 4 * SIDE)
_DAMAGED = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile)


def thumbnails(photos: Sequence[Path], cache_dir: Path, *, progress: Callable[[str], None] | None = None) -> Thumbnails:
    """Grey thumbnails, from the cache where the photo's file has not changed since.

    Args:
        photos: the photo files.
        cache_dir: where the cache lies; one that cannot be written is no fault.
        progress: told what takes time.

    Returns:
        uint8 (N, 32, 32); a photo that cannot be read is all 0.
    """
    stamps = np.array([_stamp(photo) for photo in photos], dtype=np.int64).reshape(len(photos), 2)
    known, result = _load(cache_dir / CACHE_NAME, len(photos))
    stale = np.flatnonzero((known != stamps).any(axis=1) & (stamps >= 0).all(axis=1)).tolist()
    result[(stamps < 0).any(axis=1)] = 0
    if not stale:
        return result
    if progress is not None:
        progress(f"Looking at {len(stale)} photos for near-duplicates (data.near_duplicates=false skips this)")
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        for index, small in zip(stale, pool.map(thumbnail, (photos[i] for i in stale)), strict=True):
            result[index] = small
    _save(cache_dir / CACHE_NAME, stamps, result)
    return result


def thumbnail(photo: Path) -> Thumbnails:
    """Grey thumbnail of a photo's file, uint8 (32, 32); all 0 where it cannot be read."""
    try:
        image_HW3 = read_photo(photo, at_least=_AT_LEAST)
    except PhotoError:
        return np.zeros((SIDE, SIDE), dtype=np.uint8)
    grey = cv2.resize(cv2.cvtColor(image_HW3, cv2.COLOR_RGB2GRAY), (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    return np.asarray(grey, dtype=np.uint8)


def _stamp(photo: Path) -> tuple[int, int]:
    """Bytes and time of change, ns; −1 for a file that is missing."""
    try:
        stat = photo.stat()
    except OSError:
        return -1, -1
    return stat.st_size, stat.st_mtime_ns


def _load(cache: Path, count: int) -> tuple[Stamps, Thumbnails]:
    nothing = np.full((count, 2), -1, dtype=np.int64), np.zeros((count, SIDE, SIDE), dtype=np.uint8)
    try:
        # numpy leaves a file open that it opened itself and found damaged.
        with cache.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            stamps, images = arrays["stamps"], arrays["thumbnails"]
    except _DAMAGED:
        return nothing
    fits = stamps.shape == nothing[0].shape and images.shape == nothing[1].shape and images.dtype == np.uint8
    return (stamps, images) if fits else nothing


def _save(cache: Path, stamps: Stamps, images: Thumbnails) -> None:
    try:
        with tempfile.TemporaryDirectory(dir=cache.parent, prefix=".thumbnails-") as aside:
            written = Path(aside) / CACHE_NAME
            np.savez(written, stamps=stamps, thumbnails=images)
            written.replace(cache)
    except OSError as error:
        _LOG.info("The thumbnails are not kept: %s", error)
