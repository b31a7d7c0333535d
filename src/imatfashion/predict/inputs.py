"""A photo as the networks see it: decoded once, at a reduced scale where that suffices, rendered for each network."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from imatfashion.data.photos import EncodedPhoto, PhotoError, decode_photo, encoded_header, load_photo
from imatfashion.data.render import render_image
from imatfashion.masks.box import Box
from imatfashion.masks.view import View
from imatfashion.predict.looks import Look

ByteArray = npt.NDArray[np.uint8]
_CLOSER = 2
"""How many times as large a photo is decoded where a network may want a closer look: garments fill half of its height
and width, or more."""


@dataclass(frozen=True)
class Sample:
    """What one network sees: RGB uint8 (h, w, 3), and where its pixels come from."""

    image: ByteArray
    view: View


@dataclass(frozen=True)
class PhotoInput:
    """A photo that was read, or the reason why it could not be.

    Attributes:
        name: the photo's name.
        height: its rows as viewers show it, pixels; 0 where it could not be read.
        width: its columns.
        samples: what the networks see, by the way they look.
        problem: why it could not be read, "" where it could.
        picture: the decoded photo, RGB uint8 (h, w, 3), perhaps smaller than it was; kept for closer looks alone.
        crop: the part of it that closer looks show; None before them.
    """

    name: str
    height: int
    width: int
    samples: Mapping[Look, Sample]
    problem: str = ""
    picture: ByteArray | None = None
    crop: Box | None = None

    def look_closer(self, looks: Iterable[Look], crop: Box) -> PhotoInput:
        """The same with other samples for some looks, which show a part of the photo."""
        views = {look: look.view(self.height, self.width, crop) for look in looks}
        rendered = {view: self.render(view) for view in set(views.values())}
        samples = {look: rendered[view] for look, view in views.items()}
        return replace(self, samples={**self.samples, **samples}, crop=crop)

    def render(self, view: View) -> Sample:
        """What a view shows of the photo, whose picture was kept."""
        assert self.picture is not None
        return Sample(render_image(self.picture, (self.height, self.width), view), view)


def read_input(name: str, path: Path, looks: Sequence[Look]) -> PhotoInput:
    """Read a photo to be looked at so; one that cannot be read is returned with its problem."""
    try:
        return encoded_input(name, load_photo(path), looks)
    except PhotoError as error:
        return PhotoInput(name, 0, 0, {}, error.reason)


def encoded_input(name: str, photo: EncodedPhoto, looks: Sequence[Look]) -> PhotoInput:
    """A photo's bytes, to be looked at so.

    Raises:
        PhotoError: it cannot be read.
    """
    height, width, orientation = encoded_header(photo)
    if orientation > 4:
        height, width = width, height
    views = {look: look.view(height, width) for look in looks}
    rows, columns = _enough(height, width, views.values())
    times = _CLOSER if any(look.closer for look in looks) else 1
    image = decode_photo(photo, at_least=(times * rows, times * columns))
    return _rendered(name, image, (height, width), views)


def image_input(name: str, image: ByteArray, looks: Sequence[Look]) -> PhotoInput:
    """An RGB picture, uint8 (H, W, 3), to be looked at so."""
    height, width = image.shape[:2]
    return _rendered(name, image, (height, width), {look: look.view(height, width) for look in looks})


def _rendered(name: str, image: ByteArray, size: tuple[int, int], views: Mapping[Look, View]) -> PhotoInput:
    rendered = {view: Sample(render_image(image, size, view), view) for view in set(views.values())}
    kept = image if any(look.closer for look in views) else None
    return PhotoInput(name, *size, {look: rendered[view] for look, view in views.items()}, picture=kept)


def _enough(height: int, width: int, views: Collection[View]) -> tuple[int, int]:
    """Height and width that the photo must be decoded at so that no view has to enlarge it more than it needs."""
    return (
        max(math.ceil(height * view.out_height / view.height) for view in views),
        max(math.ceil(width * view.out_width / view.width) for view in views),
    )
