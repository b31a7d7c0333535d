"""Garments of the trunk and the arms: shirts, tops, jackets, coats; their sleeves, collars, pockets and openings."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from imatfashion.data.sample import labels as ids
from imatfashion.data.sample.body import arm_polygons
from imatfashion.data.sample.canvas import Canvas, Piece, Points
from imatfashion.data.sample.designs import Design, contrast, shade
from imatfashion.data.sample.fabric import Colour, Fabric
from imatfashion.data.sample.pose import NECK_Y, Pose, torso_half_width, trunk
from imatfashion.data.sample.shapes import along, box, ellipse, points, smooth

HEMS = {ids.ABOVE_THE_HIP: 2.75, ids.HIP: 3.55, ids.ABOVE_THE_KNEE: 4.1, ids.KNEE: 4.65, ids.MIDI: 5.2}
"""Height of an upper garment's hem, heads from the top."""


@dataclass(frozen=True)
class Front:
    """How an outer garment is worn: the front edge's x at the neck, the chest and the hem, and the chest's height."""

    top: float
    chest: float
    bottom: float
    chest_y: float


def hem_of(design: Design) -> float:
    """Height of the hem that the length attribute means."""
    return next(y for attribute, y in HEMS.items() if design.has(attribute))


def paint_trunk(canvas: Canvas, pose: Pose, design: Design, hem: float) -> Piece:
    """A closed garment of the trunk (shirt, top)."""
    piece = canvas.piece(design.class_id, tuple(design.attributes))
    canvas.paint([pose.at(smooth(trunk(pose, hem, design.ease), 1))], design.fabric, onto=[piece])
    return piece


def random_front(rng: np.random.Generator) -> Front:
    """Open down to the hem, or closed below a V."""
    if rng.random() < 0.5:
        return Front(0.2, rng.uniform(0.2, 0.3), rng.uniform(0.25, 0.42), 2.1)
    return Front(0.2, 0.0, 0.0, rng.uniform(1.7, 2.1))


def paint_outer(canvas: Canvas, pose: Pose, design: Design, front: Front) -> Piece:
    """A jacket or coat: two panels with whatever is worn below between them."""
    hem = hem_of(design)
    lowest = max(-pose.legs_at(hem)[0], pose.legs_at(hem)[1]) + 0.3
    half = None if hem < 3.6 else max(torso_half_width(pose, 3.3, design.ease) + 0.12, lowest)
    outline = trunk(pose, hem, design.ease, half)
    right = outline[: len(outline) // 2]
    panel = np.concatenate([right, points((front.bottom, hem), (front.chest, front.chest_y), (front.top, NECK_Y))])
    piece = canvas.piece(design.class_id, tuple(design.attributes))
    canvas.paint([pose.at(panel), pose.at(panel * (-1, 1))], design.fabric, onto=[piece])
    return piece


def paint_sleeves(canvas: Canvas, pose: Pose, design: Design, body: Piece, share: float) -> None:
    """Two sleeves down to a share of the arm's length; they belong to the garment and are garments' parts too."""
    width = 0.21 + 0.5 * design.ease
    for arm in pose.arms:
        sleeve = canvas.piece(ids.SLEEVE)
        polygons = arm_polygons(pose, along(arm, share), (width + 0.02, width, width * 0.86))
        canvas.paint(polygons, shade(design.fabric, 0.9), onto=[sleeve, body])


def paint_collar(canvas: Canvas, pose: Pose, design: Design, body: Piece, cloth: Fabric) -> None:
    """Two leaves at the neck: small on a shirt, wide on a jacket or coat."""
    outer = design.class_id in (ids.JACKET, ids.COAT)
    leaf = points((0.04, NECK_Y + 0.12), (0.24, NECK_Y - 0.12), (0.46, NECK_Y + 0.16), (0.3, NECK_Y + 0.52))
    if outer:
        leaf = points((0.2, NECK_Y - 0.12), (0.58, NECK_Y + 0.2), (0.5, NECK_Y + 0.75), (0.16, NECK_Y + 0.85))
    canvas.paint([pose.at(leaf), pose.at(leaf * (-1, 1))], cloth, onto=[canvas.piece(ids.COLLAR), body])


def paint_pocket(canvas: Canvas, pose: Pose, design: Design, body: Piece, at: tuple[float, float]) -> None:
    """A patch pocket that lies on the garment."""
    # Without the garment's pattern and darker, so that it can be told from it in a small photo.
    cloth = replace(shade(design.fabric, 0.62), pattern="plain")
    outline = pose.at(points(*[(at[0] + x, at[1] + y) for x, y in _PATCH]))
    canvas.paint([outline], cloth, onto=[canvas.piece(ids.POCKET), body])
    flap = pose.at(box((at[0], at[1] - 0.19), 0.3, 0.04))
    canvas.decorate([flap], shade(cloth, 0.6), body)


_PATCH = ((-0.3, -0.27), (0.3, -0.27), (0.3, 0.2), (0.0, 0.32), (-0.3, 0.2))


def paint_opening(rng: np.random.Generator, canvas: Canvas, pose: Pose, design: Design, on: Piece, front: Front,
                  ends: tuple[float, float]) -> None:  # fmt: skip
    """What closes a garment, seen between two heights: a row of buttons, two rows, a zip, or nothing."""
    top, bottom = ends
    colour = contrast(rng, design.fabric.colour)
    ys = np.arange(top, bottom - 0.1, 0.34)
    edge = [float(np.interp(y, (front.chest_y, bottom), (front.chest, front.bottom))) for y in ys]
    if design.has(ids.ZIP_UP):
        _paint_zip(canvas, pose, on, colour, front, ends)
    elif design.has(ids.SINGLE_BREASTED):
        _paint_buttons(canvas, pose, on, colour, [(x + (0.12 if x else 0.0), y) for x, y in zip(edge, ys, strict=True)])
    elif design.has(ids.DOUBLE_BREASTED):
        rows = [(side * (x + 0.24), y) for x, y in zip(edge, ys, strict=True) for side in (-1, 1)]
        _paint_buttons(canvas, pose, on, colour, rows)


def _paint_buttons(canvas: Canvas, pose: Pose, on: Piece, colour: Colour, places: list[tuple[float, float]]) -> None:
    if places:
        canvas.decorate([pose.at(ellipse(place, 0.085, 0.085)) for place in places], Fabric(colour), on)


def _paint_zip(canvas: Canvas, pose: Pose, on: Piece, colour: Colour, front: Front, ends: tuple[float, float]) -> None:
    for side in (-1, 1) if front.bottom else (1,):
        top, bottom = (side * front.chest, max(ends[0], front.chest_y)), (side * front.bottom, ends[1])
        canvas.decorate([pose.at(_band(top, bottom, 0.09))], Fabric(colour), on)
        teeth = _band(top, bottom, 0.025)
        canvas.decorate([pose.at(teeth)], Fabric((60, 60, 64)), on)


def _band(top: tuple[float, float], bottom: tuple[float, float], half: float) -> Points:
    return points((top[0] - half, top[1]), (top[0] + half, top[1]), (bottom[0] + half, bottom[1]),
                  (bottom[0] - half, bottom[1]))  # fmt: skip
