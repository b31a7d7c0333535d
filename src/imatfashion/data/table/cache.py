"""Where a data set's table lies, and the key that tells whether it is still the right one."""

from __future__ import annotations

import os
from hashlib import blake2b
from pathlib import Path

from imatfashion.data.sources import Location
from imatfashion.data.table.files import file_state, is_table
from imatfashion.data.table.writer import VERSION
from imatfashion.errors import FashionError

_READING = 2
"""Raised when readers understand the same files otherwise, so that tables of a mistaken reading are not used again."""
_MIB = 2**20
_BESIDE = ".imatfashion"


def table_path(place: Location, *, check_photos: bool) -> Path:
    """The table's folder: one that is there, else the first place that can be written.

    Beside the data (`ROOT/.imatfashion`), else $IMATFASHION_CACHE, else the user's cache.

    Raises:
        FashionError: an annotation or label file cannot be read.
    """
    key = _key(place, check_photos)
    beside = place.root / _BESIDE / f"{key}.table"
    # In a shared folder the table must not serve a copy of the data that lies elsewhere.
    twin = blake2b(os.fsencode(place.root.resolve()), digest_size=4).hexdigest()
    cached = _cache_folder() / f"{key}-{twin}.table"
    for path in (beside, cached):
        if is_table(path):
            return path
    return beside if _writable(place.root) else cached


def photo_dir_entry(photo_dir: Path | None, table: Path) -> str | None:
    """How a table remembers its photo folder: relative where it lies beside the data, so that both can move."""
    if photo_dir is None:
        return None
    if table.parent.name == _BESIDE:
        return os.path.relpath(photo_dir.resolve(), table.resolve())
    return str(photo_dir.resolve())


def _cache_folder() -> Path:
    given = os.environ.get("IMATFASHION_CACHE")
    if given:
        return Path(given).expanduser()
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "imatfashion"


def _writable(folder: Path) -> bool:
    # A folder marked read-only is left alone even where root could write.
    return os.access(folder, os.W_OK) and bool(folder.stat().st_mode & 0o222)


def _key(place: Location, check_photos: bool) -> str:
    digest = blake2b(digest_size=10)
    digest.update(repr((VERSION, _READING, place.format, place.group_by, check_photos)).encode())
    sources = (place.annotations, *place.label_files)
    for path in (*sources, place.photo_dir):
        digest.update(os.fsencode(os.path.relpath(path.resolve(), place.root.resolve())) if path else b"")
        digest.update(b"\0")
    for path in sources:
        digest.update(_index_state(path) if path.is_dir() else _file_state(path))
    if place.photo_dir is not None and check_photos:
        digest.update(_names_state(place.photo_dir))
    return digest.hexdigest()


def _file_state(path: Path) -> bytes:
    """Size, time, and a hash of the first and last MiB."""
    try:
        state = path.stat()
        digest = blake2b(f"{state.st_size} {state.st_mtime_ns}".encode(), digest_size=16)
        with path.open("rb") as file:
            digest.update(file.read(_MIB))
            file.seek(max(0, state.st_size - _MIB))
            digest.update(file.read(_MIB))
    except OSError as error:
        raise FashionError(f"{path} cannot be read ({error.strerror})") from error
    return digest.digest()


def _index_state(folder: Path) -> bytes:
    """Names, sizes and times of a folder of annotations."""
    digest = blake2b(digest_size=16)
    for path in sorted(folder.iterdir()):
        digest.update(os.fsencode(path.name) + repr(file_state(path)).encode())
    return digest.digest()


def _names_state(folder: Path) -> bytes:
    """Names of the photos: one that was missing and is there now makes the table stale.

    Those in folders below are not among them; the table itself remembers which of them were missing.
    """
    with os.scandir(folder) as entries:
        names = sorted(os.fsencode(entry.name) for entry in entries if not entry.name.startswith("."))
    return blake2b(b"\0".join(names), digest_size=16).digest()
