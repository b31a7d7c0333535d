"""What the tests of the page share: a model of random weights with odd names, and photos."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from tests.predict.conftest import ATTRIBUTES, CLASSES, blocks, save_checkpoint

NASTY = '<img src=x onerror="document.title=1">'
"""A class's name that a careless page would run."""


def save_model(folder: Path) -> tuple[Path, Path]:
    """Both checkpoints, in run directories as training makes them; one class has a name with HTML in it."""
    names = (NASTY, "coat", "pocket & co", "shoe")
    classes = save_checkpoint(
        folder / "classes & <b>" / "checkpoints" / "best.ckpt", replace(CLASSES, class_names=names)
    )
    attributes = replace(ATTRIBUTES, class_names=names)
    return classes, save_checkpoint(folder / "attributes" / "checkpoints" / "best.ckpt", attributes, seed=1)


def photo(height: int = 120, width: int = 90, seed: int = 0, form: str = "JPEG", orientation: int = 1) -> bytes:
    """A photo's file."""
    exif, out = Image.Exif(), io.BytesIO()
    exif[0x0112] = orientation
    Image.fromarray(blocks(height, width, seed)).save(out, form, exif=exif)
    return out.getvalue()


def painted(path: str, height: int, width: int) -> np.ndarray:
    """The pixels that an SVG path covers by the even-odd rule, by matplotlib: bool (height, width)."""
    from matplotlib.path import Path as Outline

    rows, cols = np.mgrid[:height, :width]
    centres = np.stack([cols.ravel() + 0.5, rows.ravel() + 0.5], axis=1)
    inside = np.zeros(height * width, dtype=bool)
    for ring in path.removeprefix("M").split("M"):
        points = [tuple(map(float, point.split())) for point in ring.removesuffix("Z").split("L")]
        if len(points) > 2:
            inside ^= Outline(points).contains_points(centres)
    return inside.reshape(height, width)
