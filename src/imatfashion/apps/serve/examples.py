"""Photos to try: a folder's, or some of the drawn sample that no training photo is."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from imatfashion.apps.serve.answers import preview
from imatfashion.apps.serve.intake import checked, kind_of
from imatfashion.apps.serve.limits import Limits
from imatfashion.apps.serve.refusal import Refused
from imatfashion.data.photos import PhotoError
from imatfashion.data.sample.photo import draw_photo
from imatfashion.errors import FashionError
from imatfashion.predict.images import find_photos

MOST = 12
"""Examples that the page shows."""
_THUMBNAIL = 320
_PART = 2
"""Photos are drawn by (seed, part, number): 0 are the sample's training photos, 1 its test photos."""
_DRAWN = (1, 4, 8, 20, 23, 31, 32, 39)
"""Chosen by eye: one and two people, short and long, plain and patterned."""


@dataclass(frozen=True)
class Example:
    """A photo to try.

    Attributes:
        name: its name.
        data: the photo's file.
        kind: `jpeg`, `png` or `webp`.
        thumbnail: a small JPEG of it.
    """

    name: str
    data: bytes
    kind: str
    thumbnail: bytes


def load_examples(folder: Path | None, limits: Limits) -> list[Example]:
    """The first photos of a folder by name, or drawn ones without a folder.

    A photo beyond the limits is named on stderr and left out.

    Raises:
        FashionError: the folder is missing, or none of its photos can be shown.
    """
    found: list[Example] = []
    for name, data in _drawn() if folder is None else _of_folder(folder, limits):
        try:
            small = preview(checked(name, data, limits), _THUMBNAIL)
        except Refused as error:
            sys.stderr.write(f"warning: the example {error.sentence}\n")
            continue
        except PhotoError as error:
            sys.stderr.write(f"warning: the example {name} cannot be read: {error.reason}\n")
            continue
        found.append(Example(name, data, kind_of(data), small))
        if len(found) == MOST:
            break
    if not found:
        raise FashionError(f"none of the photos in {folder} can be an example; check --examples")
    return found


def _of_folder(folder: Path, limits: Limits) -> Iterator[tuple[str, bytes]]:
    if not folder.is_dir():
        raise FashionError(f"there is no folder {folder}; check --examples")
    for photo in find_photos(str(folder)):
        if photo.path.stat().st_size > limits.photo_bytes:
            sys.stderr.write(f"warning: the example {photo.name} is larger than {limits.mega} MB\n")
        else:
            yield photo.path.name, photo.path.read_bytes()


def _drawn() -> Iterator[tuple[str, bytes]]:
    for number in _DRAWN:
        image = draw_photo(np.random.default_rng([0, _PART, number])).image
        encoded = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 92])[1]
        yield f"drawn-{number}.jpg", encoded.tobytes()
