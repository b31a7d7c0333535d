"""A prediction as the page shows it: a picture, a shape a garment, and the rows for a download."""

from __future__ import annotations

import base64
import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from imatfashion.apps.serve.shapes import Outliner
from imatfashion.data.labels import Labels
from imatfashion.data.overlay import class_colors
from imatfashion.data.photos import EncodedPhoto, decode_photo, encoded_header
from imatfashion.predict.results import PhotoResult, to_line

Picture = npt.NDArray[np.uint8]

_QUALITY = 88


@dataclass(frozen=True)
class Garment:
    """What the page says of a garment.

    Attributes:
        name: its class.
        attributes: their names; None without an attribute model.
        score: its confidence, 0 … 1.
        share: its part of the photo's pixels, 0 … 1.
        colour: its class's colour, `#rrggbb`.
        path: its outline in the photo's pixels, an SVG path for the even-odd rule.
    """

    name: str
    attributes: tuple[str, ...] | None
    score: float
    share: float
    colour: str
    path: str


def answer(result: PhotoResult, picture: bytes, classes: Labels, attributes: Labels) -> dict[str, Any]:
    """What the page needs of a photo, JSON-able.

    Args:
        result: its garments, on the photo's own size.
        picture: the photo as a JPEG, at any scale.
        classes: what class indices mean.
        attributes: what attribute indices mean.

    Returns:
        `name`, `width` and `height` (pixels), `picture` (a data URL), `garments` (the largest first) and `row`, from
        which a download is made.
    """
    garments = sorted(garments_of(result, classes, attributes), key=lambda garment: -garment.share)
    return {
        "name": result.name,
        "width": result.width,
        "height": result.height,
        "picture": "data:image/jpeg;base64," + base64.b64encode(picture).decode(),
        "garments": [asdict(garment) for garment in garments],
        "row": to_line(result),
    }


def garments_of(result: PhotoResult, classes: Labels, attributes: Labels) -> Iterator[Garment]:
    """What is said of each garment, in the result's order."""
    colours, outliner = class_colors(len(classes)), Outliner(result.height, result.width)
    for garment in result.garments:
        described = garment.attributes
        yield Garment(
            name=classes.names[garment.class_index],
            attributes=None if described is None else tuple(attributes.names[index] for index in described),
            score=round(garment.score, 4),
            share=garment.runs.area / (result.height * result.width),
            colour="#{:02x}{:02x}{:02x}".format(*map(int, colours[garment.class_index])),
            path=outliner.path(garment.runs),
        )


def preview(photo: EncodedPhoto, longest: int = 1600) -> bytes:
    """The upright photo as a JPEG, its longer side at most `longest` pixels.

    Raises:
        PhotoError: it cannot be read.
    """
    # At least as large in both directions, so that nothing is enlarged; a reduced JPEG takes a fraction of the memory.
    height, width, orientation = encoded_header(photo)
    scale = min(1.0, longest / max(height, width))
    small = (math.ceil(height * scale), math.ceil(width * scale))
    image = decode_photo(photo, at_least=small[::-1] if orientation > 4 else small)
    return as_jpeg(image, longest)


def as_jpeg(image: Picture, longest: int) -> bytes:
    """The picture as a JPEG, its longer side at most `longest` pixels."""
    scale = min(1.0, longest / max(image.shape[:2]))
    size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    small = image if scale == 1 else cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    image_BGR = np.ascontiguousarray(small[..., ::-1])
    return cv2.imencode(".jpg", image_BGR, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])[1].tobytes()
