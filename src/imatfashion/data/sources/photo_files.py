"""Photos of a folder by the part of their name before the ending."""

from __future__ import annotations

import os
from pathlib import Path, PurePath

PHOTO_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"})


def photo_names(folder: Path) -> list[str]:
    """Names of the photos right in a folder, sorted; hidden files are none."""
    with os.scandir(folder) as entries:
        names = [entry.name for entry in entries if not entry.name.startswith(".")]
    return sorted(name for name in names if PurePath(name).suffix.lower() in PHOTO_SUFFIXES)


def photos_by_stem(folder: Path | None) -> dict[str, str]:
    """File name of each photo under its stem; of several, the first by name."""
    found: dict[str, str] = {}
    for name in photo_names(folder) if folder is not None else []:
        found.setdefault(PurePath(name).stem, name)
    return found
