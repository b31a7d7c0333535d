"""Prepared data: an annotation table whose photos lie with it, at training size, in one file.

The folder holds the arrays of a table (its masks on the grid of the smaller photos), `photos.blob` (JPEGs, one after
another, in the table's order), `photo_offsets.npy` (int64, n + 1), `photo_crc.npy` (CRC-32 of each, uint32) and
`thumbnails.npy` (what near-duplicates are found by, made of the photos as they were).
"""

from __future__ import annotations

import json
from pathlib import Path

from imatfashion.data.annotations import PREPARED, Annotations
from imatfashion.errors import FashionError

BLOB = "photos.blob"
"""The file of the photos."""
QUALITY = 90
"""Of the JPEGs."""
ZOOM_TENTHS = 1
"""Tenths by which an augmented crop may be smaller than the photo: `augment.scale` as it is by default."""


def shorter_side(resolution: int) -> int:
    """Pixels of a prepared photo's shorter side: the resolution and the zoom, rounded up."""
    return -(-resolution * (10 + ZOOM_TENTHS) // 10)


def prepared_size(height: int, width: int, resolution: int) -> tuple[int, int]:
    """Size of a photo prepared for samples of `resolution` × `resolution` pixels.

    The shorter side becomes ⌈1.1 · resolution⌉ and the longer follows, so that no view enlarges: `squash` shows either
    side on `resolution` pixels, `pad` the longer one, and augmentation zooms in by 1.1. A photo is never enlarged.

    Args:
        height: rows of the photo, pixels.
        width: columns of the photo, pixels.
        resolution: side of a sample, pixels.

    Returns:
        Height and width, pixels.
    """
    shorter, wanted = min(height, width), shorter_side(resolution)
    if shorter <= wanted:
        return height, width
    # In whole numbers, rounded to the nearest: any machine prepares the same.
    return (2 * height * wanted + shorter) // (2 * shorter), (2 * width * wanted + shorter) // (2 * shorter)


def is_prepared(root: Path) -> bool:
    """Whether a folder is prepared data."""
    try:
        meta = json.loads((root / "meta.json").read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(meta, dict) and meta.get("kind") == PREPARED


def open_prepared(root: Path) -> Annotations:
    """The table of prepared data.

    Raises:
        FashionError: the folder is not prepared data.
    """
    if not is_prepared(root):
        raise FashionError(f"{root} is not prepared data: make it with imatfashion prepare DATA_DIR OUT --resolution N")
    return Annotations(root)


def prepared_resolution(annotations: Annotations) -> int | None:
    """The resolution that a table's photos were prepared for, None where they are as they came.

    Raises:
        FashionError: the table is damaged.
    """
    if annotations.meta.get("kind") != PREPARED:
        return None
    resolution = annotations.meta.get("resolution")
    if not isinstance(resolution, int) or resolution < 1:
        raise FashionError(f"{annotations.path} is damaged (meta.json has no resolution): copy the prepared data again")
    return resolution
