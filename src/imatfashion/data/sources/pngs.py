"""A folder of index PNGs beside the photos: a pixel's value is its class id, a garment is all pixels of a class."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from imatfashion.data.labels import Labels
from imatfashion.data.records import EmptyPhoto, Garment, Record, Refusal
from imatfashion.data.sources.fields import FieldError, check_size, parse_photo
from imatfashion.data.sources.photo_files import photos_by_stem
from imatfashion.data.sources.source import Source
from imatfashion.masks.runs import encode_mask

IGNORE = 255
_PHOTO_FOLDERS = ("photos", "images", "train")
_BIT_DEPTH = 24
"""Place of a PNG's bit depth, bytes from the start of the file."""
_INDEX_MODES = ("P", "L", "1", "I", "I;16", "I;16B")


def find_photos(root: Path) -> Path | None:
    """The usual photo folder below `root` that is there."""
    return next((root / folder for folder in _PHOTO_FOLDERS if (root / folder).is_dir()), None)


def none_values(classes: Labels) -> frozenset[int]:
    """Pixel values that mean no garment.

    These are 255, the value behind the last class, 0 where it is no class, and classes that are named background.
    """
    values = {value for value in (0, IGNORE, classes.ids[-1] + 1) if classes.index(value) is None}
    named = zip(classes.ids, classes.names, strict=True)
    return frozenset(values | {label_id for label_id, name in named if name.strip().lower() == "background"})


def read(source: Source) -> Iterator[Record]:
    """Yield a garment a class and PNG, in the order of the names; `row` is the PNG's position in it, from 0."""
    names = photos_by_stem(source.photo_dir)
    nothing = none_values(source.classes)
    paths = sorted(path for path in source.annotations.iterdir() if path.suffix.lower() == ".png")
    for row, path in enumerate(source.meter.count(paths)):
        photo = names.get(path.stem, f"{path.stem}.jpg")
        try:
            parse_photo(photo)
            index_map = _index_map(path)
        except FieldError as error:
            yield Refusal(row, photo, f"{path.name}: {error}")
            continue
        yield from _garments(row, photo, index_map, nothing)


def _garments(row: int, photo: str, index_map: npt.NDArray[Any], nothing: frozenset[int]) -> Iterator[Record]:
    height, width = index_map.shape
    values = [value for value in np.unique(index_map).tolist() if value not in nothing]
    if not values:
        yield EmptyPhoto(photo, height, width)
    for value in values:
        yield Garment(photo, height, width, value, None, encode_mask(index_map == value), row)


def _scaled_by(start: bytes) -> int:
    """What Pillow multiplies a PNG's grey samples with: those of 2 and 4 bits it spreads over 0 … 255.

    Raises:
        FieldError: the PNG does not begin with its header.
    """
    if start[12:16] != b"IHDR":  # Pillow would find it further on
        raise FieldError("it is not a readable PNG (its header is not the first chunk)")
    most: int = 2 ** min(start[_BIT_DEPTH], 8) - 1
    return 255 // most


def _index_map(path: Path) -> npt.NDArray[Any]:
    try:
        with path.open("rb") as file:
            start = file.read(_BIT_DEPTH + 1)
            # Other formats behind the ending .png could be scaled as well, or lossy.
            image = Image.open(file, formats=["PNG"])
            if image.mode not in _INDEX_MODES:
                raise FieldError(f"it has colours ({image.mode}), not one class id a pixel")
            check_size(image.height, image.width)
            factor = _scaled_by(start) if image.mode == "L" else 1
            return np.asarray(image).astype(np.int32) // factor
    except FieldError:
        raise
    except UnidentifiedImageError as error:
        raise FieldError("it is not a readable PNG") from error
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise FieldError(f"it is not a readable PNG ({error})") from error
