"""A folder of index PNGs, one a photo: a pixel's value is its class's id, as our reader of such folders takes it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import numpy as np
import numpy.typing as npt
from PIL import Image

from imatfashion.data.labels import Labels
from imatfashion.data.overlay import class_colors
from imatfashion.errors import FashionError
from imatfashion.masks.paint import Sampler
from imatfashion.predict.aside import folder_aside
from imatfashion.predict.results import PhotoResult


def png_name(name: str) -> str:
    """The photo's name with the ending `.png`."""
    return PurePosixPath(name).with_suffix(".png").as_posix()


def write_pngs(out: Path, results: Iterator[PhotoResult], classes: Labels) -> None:
    """Write a PNG a photo; where garments overlap, the smaller one is seen.

    Background is 0, or 255 where 0 is a class. Ids up to 255 are written as a palette picture in the classes' colours,
    larger ones in 16 bits.

    Args:
        out: the folder.
        results: the photos.
        classes: the model's categories.

    Raises:
        FashionError: a class's id does not fit 16 bits.
    """
    nothing = background_value(classes)
    largest = max(nothing, *classes.ids)
    if largest > 65_535 or min(classes.ids) < 0:
        raise FashionError(f"format=png cannot hold the class id {largest}: it has 16 bits; use format=coco")
    palette = _palette(classes, nothing) if largest <= 255 else None
    with folder_aside(out) as folder:
        for result in results:
            path = folder / png_name(result.name)
            path.parent.mkdir(parents=True, exist_ok=True)
            _picture(result, classes, nothing, palette).save(path)


def background_value(classes: Labels) -> int:
    """The pixel value of no garment: one that no class has and that readers take as none."""
    return next(value for value in (0, 255, max(classes.ids) + 1) if classes.index(value) is None)


def _picture(result: PhotoResult, classes: Labels, nothing: int, palette: npt.NDArray[np.uint8] | None) -> Image.Image:
    kind = np.uint16 if palette is None else np.uint8
    ids_HW: npt.NDArray[np.uint16 | np.uint8] = np.full((result.height, result.width), nothing, dtype=kind)
    sampler = Sampler(result.height, result.width, _all(result.height), _all(result.width))
    for garment in sorted(result.garments, key=lambda garment: -garment.runs.area):
        sampler.paint(ids_HW, garment.runs, classes.ids[garment.class_index])
    picture = Image.fromarray(ids_HW)
    if palette is not None:
        picture.putpalette(palette.tobytes())
    return picture


def _all(size: int) -> npt.NDArray[np.int32]:
    return np.arange(size, dtype=np.int32)


def _palette(classes: Labels, nothing: int) -> npt.NDArray[np.uint8]:
    palette = np.zeros((256, 3), dtype=np.uint8)
    colours = class_colors(len(classes))
    palette[list(classes.ids)] = colours[:-1]
    palette[nothing] = (0, 0, 0)
    return palette
