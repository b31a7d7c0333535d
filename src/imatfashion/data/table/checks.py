"""What of a table is checked when it is opened: files may have been damaged, mixed up or made by others.

Everything that is small is looked at: types, lengths, offsets, indices. The runs themselves are not, since that would
read hundreds of megabytes at each opening; `imatfashion verify` compares prepared data with its checksums.
"""

from __future__ import annotations

import tokenize
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from imatfashion.data.labels import Labels
from imatfashion.errors import FashionError

Array = npt.NDArray[Any]

_TYPES: dict[str, tuple[type, str]] = {
    "garment_photo": (np.int32, "G"),
    "garment_class": (np.int16, "G"),
    "garment_attributes": (np.bool_, "GA"),
    "garment_known": (np.bool_, "G"),
    "garment_area": (np.int64, "G"),
    "garment_score": (np.float32, "G"),
    "garment_row": (np.int64, "G"),
    "run_begin": (np.int64, "G"),
    "run_count": (np.int32, "G"),
    "run_starts": (np.int32, "R"),
    "run_lengths": (np.int32, "R"),
    "photo_size": (np.int32, "P2"),
    "photo_garments": (np.int64, "O"),
    "name_bytes": (np.uint8, "N"),
    "name_offsets": (np.int64, "O"),
    "name_order": (np.int32, "P"),
    "group_bytes": (np.uint8, "M"),
    "group_offsets": (np.int64, "O"),
}
"""Type and shape of each array: G garments, A attributes, R runs, P photos, O = P + 1 offsets, N and M characters."""
NAMES = tuple(_TYPES)
# What numpy raises on damaged files; it takes the header for Python and parses it.
_DAMAGE = (OSError, ValueError, TypeError, EOFError, OverflowError, MemoryError, SyntaxError, tokenize.TokenError)


def map_array(path: Path) -> Array:
    """An array's file, memory-mapped and read-only; nothing is ever unpickled.

    Raises:
        ValueError: it is missing or damaged.
    """
    try:
        # Not np.load, which takes an archive of arrays as well.
        mapped = np.lib.format.open_memmap(path, mode="r")
    except _DAMAGE as error:
        raise ValueError(f"{path.name}: {error}") from error
    # A plain view: slices of np.memmap carry Python attributes along and are several times slower.
    return np.asarray(mapped)


def check_table(path: Path, arrays: Mapping[str, Array], classes: Labels, attributes: Labels) -> None:
    """Refuse arrays that do not belong together.

    Raises:
        FashionError: the first fault.
    """
    for fault in _faults(arrays, len(classes), len(attributes)):
        raise FashionError(f"the table {path} is damaged ({fault}.npy): delete it and build it anew")


def _faults(arrays: Mapping[str, Array], classes: int, attributes: int) -> Iterator[str]:
    sizes = {"A": attributes, "2": 2}
    sizes |= {"G": arrays["garment_photo"].size, "R": arrays["run_starts"].size, "P": arrays["photo_size"].size // 2}
    sizes |= {"O": sizes["P"] + 1, "N": arrays["name_bytes"].size, "M": arrays["group_bytes"].size}
    for name, (kind, shape) in _TYPES.items():
        if arrays[name].dtype != kind or arrays[name].shape != tuple(sizes[axis] for axis in shape):
            yield name
    for name, end in (("photo_garments", "G"), ("name_offsets", "N"), ("group_offsets", "M")):
        offsets = arrays[name]
        if offsets[0] != 0 or offsets[-1] != sizes[end] or (np.diff(offsets) < 0).any():
            yield name
    for name, most in (("garment_class", classes), ("garment_photo", sizes["P"]), ("name_order", sizes["P"])):
        if _outside(arrays[name], most):
            yield name
    begin, count = arrays["run_begin"], arrays["run_count"]
    if _outside(begin, sizes["R"] + 1) or _outside(count, sizes["R"] + 1) or _outside(begin + count, sizes["R"] + 1):
        yield "run_begin"
    if (arrays["photo_size"] < 1).any():
        yield "photo_size"
    yield from (name for name in ("name_bytes", "group_bytes") if not _is_text(arrays[name]))


def _outside(values: Array, most: int) -> bool:
    return bool(values.size) and not 0 <= int(values.min()) <= int(values.max()) < most


def _is_text(characters: Array) -> bool:
    try:
        characters.tobytes().decode()
    except UnicodeDecodeError:
        return False
    return True
