"""How many pixels the network sees."""

from __future__ import annotations

import math

_MULTIPLE = 32
"""Sides of other than square samples are whole numbers of the networks' coarsest cells."""


def sample_size(resolution: int, aspect: float) -> tuple[int, int]:
    """Height and width of a sample.

    Args:
        resolution: side of a square sample, pixels.
        aspect: height divided by width; other ones than 1 have about as many pixels as the square.

    Returns:
        Pixels; multiples of 32 unless the sample is square.
    """
    if aspect == 1:
        return resolution, resolution
    share = math.sqrt(aspect)
    return whole_cells(resolution * share), whole_cells(resolution / share)


def whole_cells(pixels: float) -> int:
    """The nearest multiple of 32 pixels, at least one."""
    return max(_MULTIPLE, round(pixels / _MULTIPLE) * _MULTIPLE)
