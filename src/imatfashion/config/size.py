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
    return _whole(resolution * share), _whole(resolution / share)


def _whole(pixels: float) -> int:
    return max(_MULTIPLE, round(pixels / _MULTIPLE) * _MULTIPLE)
