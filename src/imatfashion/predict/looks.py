"""How often, how large and in which aspect the networks look at a photo."""

from __future__ import annotations

import math
from dataclasses import dataclass

from imatfashion.config.size import whole_cells
from imatfashion.data.views import plain_view
from imatfashion.masks.box import Box
from imatfashion.masks.view import View
from imatfashion.models.segmenter import STRIDE
from imatfashion.models.spec import ModelSpec


@dataclass(frozen=True)
class LookOptions:
    """How the networks look at photos; by default once, at the size that they were trained at.

    Attributes:
        flip: look at the mirrored photo, too.
        scales: sizes that the segmenters look at, as shares of the size that they were trained at.
        own_aspect: the segmenters see the photo in its own aspect, at about as many pixels.
        dense_crf: their probabilities agree where the photo has one colour.
        guided_filter: their probabilities are brought to the photo's edges.
    """

    flip: bool = False
    scales: tuple[float, ...] = (1.0,)
    own_aspect: bool = False
    dense_crf: bool = False
    guided_filter: bool = False

    @property
    def by_the_photo(self) -> bool:
        """Whether the photo's colours have a say in what the networks see."""
        return self.dense_crf or self.guided_filter

    @property
    def flips(self) -> tuple[bool, ...]:
        """Whether each look is mirrored."""
        return (False, True) if self.flip else (False,)


@dataclass(frozen=True)
class Look:
    """The photo as one network sees it.

    Attributes:
        resolution: side of the square, pixels; of the square of about equal area where the aspect is another.
        resize: `squash`, `pad`, or `own` for the photo's own aspect without padding.
        crop: `photo`, or `garments` for a network that sees the part of a photo that its garments are in.
        aspect: height divided by width of what a squashing network sees.
    """

    resolution: int
    resize: str
    crop: str = "photo"
    aspect: float = 1.0

    @classmethod
    def of(cls, spec: ModelSpec, *, scale: float = 1.0, own_aspect: bool = False) -> Look:
        """How a checkpoint's network looks; other scales than 1 are brought to multiples of 32 pixels."""
        resize = "own" if own_aspect else spec.resize
        resolution = spec.resolution if scale == 1 else whole_cells(spec.resolution * scale)
        return cls(resolution, resize, spec.crop, spec.aspect)

    @property
    def closer(self) -> bool:
        """Whether the network wants a second look, at the part of the photo in which the first one found garments."""
        return self.crop == "garments"

    def view(self, height: int, width: int, crop: Box | None = None) -> View:
        """Where the network's pixels come from in a photo of height × width pixels, or in a part of it."""
        if self.resize != "own":
            return plain_view(height, width, self.resolution, self.resize, crop, self.aspect)
        part = crop or Box(0, 0, height, width)
        return View(*part, *own_size(part.height, part.width, self.resolution))


def own_size(height: int, width: int, resolution: int) -> tuple[int, int]:
    """Height and width of the photo's aspect with about resolution² pixels, both multiples of 32.

    The shorter side has at least 32 pixels; the area stays that of the square then, and the aspect does not.
    """
    share = math.sqrt(height / width)
    most = max(STRIDE, resolution * resolution // STRIDE)
    rows, cols = min(resolution * share, most), min(resolution / share, most)
    return whole_cells(rows), whole_cells(cols)
