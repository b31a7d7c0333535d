"""Pictures for people: the photo with its garments in colour, numbered, and a legend with names and attributes."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from imatfashion.data.labels import Labels
from imatfashion.data.overlay import class_colors
from imatfashion.data.photos import PhotoError, read_photo
from imatfashion.errors import FashionError
from imatfashion.masks.paint import Sampler
from imatfashion.masks.runs import BoolArray
from imatfashion.masks.view import nearest
from imatfashion.predict.images import Photo
from imatfashion.predict.legend import INK, MOST, PAPER, Colour, draw_legend
from imatfashion.predict.results import PhotoResult

Picture = npt.NDArray[np.uint8]

_LONGEST, _SHORTEST = 1024, 480
"""The photo's longer side in the picture, pixels: reduced to the first, enlarged to the second."""


def overlay_path(folder: Path, name: str) -> Path:
    """Where a photo's picture lies: its name below the folder, as a JPEG."""
    return folder / (name if name.lower().endswith((".jpg", ".jpeg")) else name + ".jpg")


def save_overlay(folder: Path, photo: Photo, result: PhotoResult, classes: Labels, attributes: Labels) -> None:
    """Draw a photo's picture into the folder; a photo that cannot be read has none.

    Raises:
        FashionError: the folder cannot be written.
    """
    try:
        image = read_photo(photo.path, at_least=(_LONGEST, _LONGEST))
    except PhotoError:
        return  # listed with the result's problem
    path = overlay_path(folder, photo.name)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(draw_result(image, result, classes, attributes)).save(path, "JPEG", quality=90)
    except OSError as error:
        raise FashionError(f"the overlay {path} cannot be written ({error.strerror or error})") from error


def draw_result(image: Picture, result: PhotoResult, classes: Labels, attributes: Labels) -> Picture:
    """The photo with its garments over it, and the legend at its right.

    Args:
        image: the photo, RGB uint8 (h, w, 3), at any scale.
        result: its garments, on their own grid.
        classes: what class indices mean.
        attributes: what attribute indices mean.

    Returns:
        RGB, uint8 (H, W, 3); the photo's longer side has 480 to 1024 pixels.
    """
    # Numbered by size, so that the first lines of the legend are the main garments.
    garments = sorted(result.garments, key=lambda garment: -garment.runs.area)
    colours = [_colour(row) for row in class_colors(len(classes))]
    canvas = _fit(image)
    sampler = Sampler(*_grid(result), nearest(result.height, canvas.shape[0]), nearest(result.width, canvas.shape[1]))
    masks = [sampler.sample(garment.runs) for garment in garments]
    for garment, mask in zip(garments, masks, strict=True):
        _tint(canvas, mask, colours[garment.class_index])
    photo = Image.fromarray(canvas)
    for number, mask in reversed(list(enumerate(masks[:MOST], start=1))):
        _tag(photo, mask, number)
    legend = draw_legend(result, garments, colours, classes, attributes, photo.height)
    out = Image.new("RGB", (photo.width + legend.width, max(photo.height, legend.height)), PAPER)
    out.paste(photo, (0, 0))
    out.paste(legend, (photo.width, 0))
    return np.asarray(out, dtype=np.uint8)


def _grid(result: PhotoResult) -> tuple[int, int]:
    return result.height, result.width


def _colour(row: Picture) -> Colour:
    return int(row[0]), int(row[1]), int(row[2])


def _fit(image: Picture) -> Picture:
    longest = max(image.shape[:2])
    scale = min(max(_SHORTEST / longest, 1.0), _LONGEST / longest)
    width, height = (max(1, round(side * scale)) for side in (image.shape[1], image.shape[0]))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return np.array(cv2.resize(image, (width, height), interpolation=method), dtype=np.uint8)


def _tint(canvas: Picture, mask: BoolArray, colour: Colour) -> None:
    canvas[mask] = (0.5 * canvas[mask] + 0.5 * np.array(colour)).astype(np.uint8)
    contours, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    # A white line under the coloured one keeps the outline visible on cloth of the same colour.
    cv2.drawContours(canvas, contours, -1, (255, 255, 255), 3, cv2.LINE_AA)
    cv2.drawContours(canvas, contours, -1, [round(0.8 * part) for part in colour], 1, cv2.LINE_AA)


def _tag(photo: Image.Image, mask: BoolArray, number: int) -> None:
    """The garment's number, deep inside it."""
    if not mask.any():
        return
    depth = cv2.distanceTransform(np.pad(mask, 1).astype(np.uint8), cv2.DIST_L2, 3)[1:-1, 1:-1]
    y, x = (int(place) for place in np.unravel_index(int(depth.argmax()), depth.shape))
    draw, radius = ImageDraw.Draw(photo), 11
    draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=PAPER, outline=INK, width=1)
    draw.text((x, y), str(number), fill=INK, font=ImageFont.load_default(13), anchor="mm")
