"""Garments of the legs and dresses: pants, shorts, skirts and what a dress adds to a trunk."""

from __future__ import annotations

import numpy as np

from imatfashion.data.sample import labels as ids
from imatfashion.data.sample.canvas import Canvas, Piece, Points
from imatfashion.data.sample.designs import Design, shade
from imatfashion.data.sample.pose import ANKLE_Y, HIP_Y, WAIST_Y, Pose, torso_half_width, trunk
from imatfashion.data.sample.shapes import along, limb, points

_HEMS = {ids.MINI: 3.95, ids.KNEE: 4.65, ids.MAXI: 5.65}
_SHARES = {ids.MINI: 0.2, ids.ABOVE_THE_KNEE: 0.42, ids.MIDI: 0.72, ids.MAXI: 0.99}


def waist_of(design: Design) -> float:
    """Height of a lower garment's upper edge."""
    return 2.4 if design.has(ids.HIGH_WAIST) else 2.95


def paint_legwear(canvas: Canvas, pose: Pose, design: Design) -> Piece:
    """Pants or shorts."""
    share = next(value for attribute, value in _SHARES.items() if design.has(attribute))
    thigh = 0.32 + 0.3 * design.ease
    cuff = 0.15 + 0.55 * design.ease
    if design.class_id == ids.SHORTS:
        cuff = knee = thigh + 0.04 + 0.2 * design.ease
    else:
        knee = 0.22 + 0.4 * design.ease
    if design.has(ids.FLARE):
        cuff += 0.24
    parts = [part for leg in pose.legs for part in limb(along(leg, share), (thigh, knee, cuff))]
    piece = canvas.piece(design.class_id, tuple(design.attributes))
    canvas.paint([pose.at(part) for part in [*parts, _seat(pose, design)]], design.fabric, onto=[piece])
    # Loose legs touch: the seam between them tells shorts from a skirt.
    middle = float(pose.legs[:, 1, 0].mean()) / 2
    seam = points((-0.03, HIP_Y + 0.15), (0.03, HIP_Y + 0.15), (middle + 0.06, 4.9), (middle - 0.06, 4.9))
    canvas.decorate([pose.at(seam)], shade(design.fabric, 0.4), piece)
    return piece


def _seat(pose: Pose, design: Design) -> Points:
    waist = waist_of(design)
    heights = (waist, WAIST_Y, 3.0, HIP_Y) if waist < WAIST_Y else (waist, HIP_Y)
    right = [(torso_half_width(pose, y, 0.4 * design.ease) + 0.01, y) for y in heights]
    right.append((right[-1][0] - 0.06, HIP_Y + 0.4))
    return points(*right, (0.0, HIP_Y + 0.55), *[(-x, y) for x, y in reversed(right)])


def paint_skirt(canvas: Canvas, pose: Pose, design: Design) -> Piece:
    """A skirt from waist to hem."""
    waist = waist_of(design)
    heights = [y for y in (waist, WAIST_Y, 3.05) if y >= waist]
    right = [(torso_half_width(pose, y, 0.0) + 0.02, y) for y in heights]
    return _paint_flowing(canvas, pose, design, right)


def paint_dress(canvas: Canvas, pose: Pose, design: Design) -> Piece:
    """A dress: a trunk that goes on as a skirt."""
    outline = trunk(pose, 3.05, 0.06)
    return _paint_flowing(canvas, pose, design, [(float(x), float(y)) for x, y in outline[: len(outline) // 2]])


def _paint_flowing(canvas: Canvas, pose: Pose, design: Design, right: list[tuple[float, float]]) -> Piece:
    hem = next(y for attribute, y in _HEMS.items() if design.has(attribute))
    slant = 0.34 if design.has(ids.ASYMMETRICAL) else 0.0
    # The low side follows the pose, so that it is left as often as right.
    slant = slant if pose.lean > 0 else -slant
    half = half_at_hem(pose, design, hem)
    ends = [(half, hem + lower) for lower in (slant, -slant)]
    left = [(-x, y) for x, y in reversed(right)]
    outline = points(*right, *_side(pose, design, ends[0]), (0.0, hem + 0.05),
                     *[(-x, y) for x, y in reversed(_side(pose, design, ends[1]))], *left)  # fmt: skip
    piece = canvas.piece(design.class_id, tuple(design.attributes))
    canvas.paint([pose.at(outline)], design.fabric, onto=[piece])
    if design.has(ids.PLEAT):
        _paint_pleats(canvas, pose, design, piece, hem)
    return piece


def _side(pose: Pose, design: Design, end: tuple[float, float]) -> list[tuple[float, float]]:
    hip = torso_half_width(pose, HIP_Y, 0.05)
    return [(hip + (0.12 if design.has(ids.FLARE) else 0.0), HIP_Y + 0.1), end]


def half_at_hem(pose: Pose, design: Design, y: float) -> float:
    """Half the width of a skirt at its hem: it covers the legs, and a flared one stands off."""
    low, high = pose.legs_at(min(y, ANKLE_Y))
    least = max(-low, high, 0.3) + 0.26
    if design.has(ids.FLARE):
        return max(least + 0.12, 0.78 * pose.build + 0.62 * min(y - HIP_Y, 1.5))
    return max(least, 0.6 * pose.build)


def _paint_pleats(canvas: Canvas, pose: Pose, design: Design, piece: Piece, hem: float) -> None:
    half = half_at_hem(pose, design, hem)
    cloth = shade(design.fabric, 0.5)
    for share in np.linspace(-0.8, 0.8, 7):
        top, bottom = share * 0.45, share * half
        corners = ((top - 0.015, 3.0), (top + 0.015, 3.0), (bottom + 0.05, hem + 0.5), (bottom - 0.05, hem + 0.5))
        canvas.decorate([pose.at(points(*corners))], cloth, piece)
