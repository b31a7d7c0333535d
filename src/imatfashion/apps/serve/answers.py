"""A prediction as the page shows it: a picture, a shape a garment, and the rows for a download."""

from __future__ import annotations

import base64
from dataclasses import asdict, dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from imatfashion.apps.serve.shapes import Outliner
from imatfashion.data.overlay import class_colors
from imatfashion.predict.prediction import Prediction
from imatfashion.predict.results import PhotoResult, to_line

Picture = npt.NDArray[np.uint8]

_LONGEST = 1600
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


def answer(name: str, image: Picture, prediction: Prediction) -> dict[str, Any]:
    """What the page needs of a photo, JSON-able.

    Args:
        name: the photo's name.
        image: its pixels, RGB uint8 (H, W, 3).
        prediction: its garments, on the photo's own size.

    Returns:
        `name`, `width` and `height` (pixels), `picture` (a data URL, reduced), `garments` (the largest first) and
        `row`, from which a download is made.
    """
    height, width = image.shape[:2]
    garments = sorted(garments_of(prediction), key=lambda garment: -garment.share)
    return {
        "name": name,
        "width": width,
        "height": height,
        "picture": "data:image/jpeg;base64," + base64.b64encode(as_jpeg(image, _LONGEST)).decode(),
        "garments": [asdict(garment) for garment in garments],
        "row": row(name, prediction),
    }


def row(name: str, prediction: Prediction) -> str:
    """The prediction under the photo's name, as a line of JSON."""
    result = prediction.result
    return to_line(PhotoResult(name, result.height, result.width, result.garments))


def garments_of(prediction: Prediction) -> list[Garment]:
    """What is said of each garment, in the prediction's order."""
    result, described = prediction.result, prediction.attributes
    colours, outliner = class_colors(len(prediction.classes)), Outliner(result.height, result.width)
    return [
        Garment(
            name=prediction.classes.names[garment.class_index],
            attributes=None if garment.attributes is None else attributes,
            score=round(garment.score, 4),
            share=garment.runs.area / (result.height * result.width),
            colour="#{:02x}{:02x}{:02x}".format(*map(int, colours[garment.class_index])),
            path=outliner.path(garment.runs),
        )
        for garment, attributes in zip(result.garments, described, strict=True)
    ]


def as_jpeg(image: Picture, longest: int) -> bytes:
    """The picture as a JPEG, its longer side at most `longest` pixels."""
    scale = min(1.0, longest / max(image.shape[:2]))
    size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    small = image if scale == 1 else cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    image_BGR = np.ascontiguousarray(small[..., ::-1])
    return cv2.imencode(".jpg", image_BGR, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])[1].tobytes()
