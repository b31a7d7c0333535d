"""Outlines: polygons (N, 2) made of a few corners."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from imatfashion.data.sample.canvas import Points


def points(*corners: tuple[float, float]) -> Points:
    """Corners as an array (N, 2)."""
    return np.array(corners, dtype=np.float64)


def smooth(polygon: Points, times: int = 2) -> Points:
    """Round a closed polygon's corners by cutting them (Chaikin's algorithm)."""
    for _ in range(times):
        following = np.roll(polygon, -1, axis=0)
        cut = np.stack([0.75 * polygon + 0.25 * following, 0.25 * polygon + 0.75 * following], axis=1)
        polygon = cut.reshape(-1, 2)
    return polygon


def ellipse(centre: npt.ArrayLike, half_width: float, half_height: float, turn: float = 0.0) -> Points:
    """An ellipse of 24 corners, turned by radians."""
    angle = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    local = np.stack([half_width * np.cos(angle), half_height * np.sin(angle)], axis=1)
    turned: Points = local @ rotation(turn) + np.asarray(centre, dtype=np.float64)
    return turned


def box(centre: npt.ArrayLike, half_width: float, half_height: float, turn: float = 0.0) -> Points:
    """A rectangle, turned by radians."""
    local = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]) * (half_width, half_height)
    turned: Points = local @ rotation(turn) + np.asarray(centre, dtype=np.float64)
    return turned


def rotation(turn: float) -> npt.NDArray[np.float64]:
    """Matrix that turns row vectors by radians."""
    return np.array([(np.cos(turn), np.sin(turn)), (-np.sin(turn), np.cos(turn))])


def limb(line: Points, half_widths: tuple[float, ...]) -> list[Points]:
    """Polygons of a tapered limb along a line (k, 2): a piece between any two joints, a disc at all but the last."""
    out = []
    for start, end, first, last in zip(line[:-1], line[1:], half_widths[:-1], half_widths[1:], strict=True):
        along = (end - start) / max(float(np.hypot(*(end - start))), 1e-6)
        across = np.array([-along[1], along[0]])
        out.append(np.array([start + across * first, end + across * last, end - across * last, start - across * first]))
        out.append(ellipse(start, first, first))
    return out


def along(line: Points, share: float) -> Points:
    """The first `share` (0–1] of a three-point line; its end replaces what is cut."""
    lengths = np.hypot(*np.diff(line, axis=0).T)
    reach = share * float(lengths.sum())
    if reach <= lengths[0]:
        middle = line[0] + (line[1] - line[0]) * reach / lengths[0] / 2
        return np.array([line[0], middle, 2 * middle - line[0]])
    return np.array([line[0], line[1], line[1] + (line[2] - line[1]) * (reach - lengths[0]) / lengths[1]])
