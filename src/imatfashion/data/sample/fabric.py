"""Colours and woven patterns, rendered for any box of a photo."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Colour = tuple[float, float, float]
FloatArray = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Fabric:
    """What a surface looks like.

    Attributes:
        colour: RGB, 0–255.
        second: RGB of the pattern.
        pattern: plain, stripe, dot or check.
        unit: the figure's head height, pixels; patterns scale with it.
        period: distance of the pattern's repeats, heads.
        angle: the pattern's turn, radians.
        folds: strength of the soft shading, 0 for none.
        anchor: pixel (x, y) where the pattern begins.
    """

    colour: Colour
    second: Colour = (0.0, 0.0, 0.0)
    pattern: str = "plain"
    unit: float = 40.0
    period: float = 0.4
    angle: float = 0.0
    folds: float = 0.0
    anchor: tuple[float, float] = (0.0, 0.0)

    def render(self, box: tuple[slice, slice]) -> FloatArray:
        """The surface over a box (rows, columns) of the photo, float32 (h, w, 3), 0–255."""
        rows, cols = box
        y = ((np.arange(rows.start, rows.stop, dtype=np.float32) + 0.5 - self.anchor[1]) / self.unit)[:, None]
        x = ((np.arange(cols.start, cols.stop, dtype=np.float32) + 0.5 - self.anchor[0]) / self.unit)[None, :]
        share = self._share(x, y)[..., None]
        surface = np.asarray(self.colour, np.float32) * (1 - share) + np.asarray(self.second, np.float32) * share
        if self.folds:
            surface *= (1 + self.folds * np.sin(5.1 * x + 1.7 * y))[..., None]
        return surface.astype(np.float32)

    def _share(self, x: FloatArray, y: FloatArray) -> FloatArray:
        """Share of the second colour, float32 (h, w), 0–1."""
        if self.pattern == "plain":
            return np.zeros((y.shape[0], x.shape[1]), np.float32)
        cos, sin = np.cos(self.angle), np.sin(self.angle)
        u, v = (cos * x + sin * y) / self.period, (cos * y - sin * x) / self.period
        sharp = self.unit * self.period  # pixels of one repeat: the border is one pixel wide
        if self.pattern == "stripe":
            return _step(0.2 - _distance(v), sharp)
        if self.pattern == "check":
            return (_step(0.2 - _distance(u), sharp) + _step(0.2 - _distance(v), sharp)) / 2
        return _step(0.3 - np.hypot(_distance(u), _distance(v)), sharp)


def _distance(value: FloatArray) -> FloatArray:
    """Distance to the nearest whole number."""
    distance: FloatArray = np.abs(value - np.round(value))
    return distance


def _step(value: FloatArray, sharp: float) -> FloatArray:
    share: FloatArray = np.clip(value * sharp + 0.5, 0, 1)
    return share


def mix(under: npt.NDArray[np.uint8], over: FloatArray, coverage: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Paint `over` (h, w, 3) on `under` (h, w, 3) with a coverage of 0–255 (h, w)."""
    share = coverage[..., None] / np.float32(255)
    blended = under + (over - under) * share
    return np.clip(blended + 0.5, 0, 255).astype(np.uint8)
