"""One drawn photo with its garments."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from imatfashion.data.sample.canvas import Canvas, Piece
from imatfashion.data.sample.figure import paint_figure
from imatfashion.data.sample.labels import PATTERNS
from imatfashion.data.sample.pose import TALL
from imatfashion.data.sample.scene import random_scene

_LEAST_SHARE = 5e-4  # an annotator does not outline a sliver; smaller rests of hidden garments are left out
_SEEN = 0.4  # of a garment of which less than this share can be seen, only the pattern can be told


@dataclass(frozen=True)
class Drawn:
    """A drawn photo.

    Attributes:
        image: uint8 (H, W, 3) RGB.
        pieces: the garments and parts that can be seen.
        withheld: whether the training file leaves the attributes open, as for most of the real photos.
    """

    image: npt.NDArray[np.uint8]
    pieces: list[Piece]
    withheld: bool


def draw_photo(rng: np.random.Generator, size: tuple[int, int] | None = None) -> Drawn:
    """Draw a photo of one or two people, of a given (height, width) or of a random size."""
    withheld = bool(rng.random() < 0.3)
    two = bool(rng.random() < 0.25)
    height, width = size or _random_size(rng, two=two)
    canvas = Canvas(random_scene(rng, height, width))
    for middle in _middles(rng, two=two):
        _place_figure(rng, canvas, middle * width, two=two)
    return Drawn(_develop(rng, canvas.image), _visible(canvas), withheld)


def _random_size(rng: np.random.Generator, *, two: bool) -> tuple[int, int]:
    long, short = int(rng.integers(330, 421)), int(rng.integers(240, 321))
    landscape = rng.random() < (0.5 if two else 0.05)
    return (short, long) if landscape else (long, short)


def _middles(rng: np.random.Generator, *, two: bool) -> tuple[float, ...]:
    """Where people stand, shares of the width."""
    if two:
        return rng.uniform(0.2, 0.32), rng.uniform(0.68, 0.8)
    return (rng.uniform(0.26, 0.74),)


def _place_figure(rng: np.random.Generator, canvas: Canvas, middle: float, *, two: bool) -> None:
    height, width = canvas.shape
    # Two people share the width: about 3.4 heads each, arms included.
    most = min(height, width * (1.05 if two else 1.5))
    tall = most * rng.uniform(0.8, 1.0)
    if not two and rng.random() < 0.2:
        tall = most * rng.uniform(1.05, 1.35)  # closer: the feet, perhaps the legs, are outside
    room = height - tall * 1.07
    top = 0.06 * tall + (rng.uniform(0, room) if room > 0 else 0.0)
    paint_figure(rng, canvas, (middle, float(top)), float(tall) / TALL)


def _visible(canvas: Canvas) -> list[Piece]:
    least = _LEAST_SHARE * canvas.shape[0] * canvas.shape[1]
    return [_as_seen(piece) for piece in canvas.pieces if piece.mask.sum() >= least]


def _as_seen(piece: Piece) -> Piece:
    if piece.mask.sum() >= _SEEN * piece.painted:
        return piece
    return replace(piece, attributes=tuple(label for label in piece.attributes if label in PATTERNS))


def _develop(rng: np.random.Generator, image: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Light, colour cast and grain of a camera."""
    gain = rng.uniform(0.82, 1.12) * (1 + rng.uniform(-0.05, 0.05, 3))
    grain = rng.standard_normal(image.shape[:2], dtype=np.float32)[..., None] * rng.uniform(1, 5)
    return np.clip(image * gain.astype(np.float32) + grain, 0, 255).astype(np.uint8)
