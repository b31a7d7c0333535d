"""One dressed person, painted from the skin outwards."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from imatfashion.data.sample import body, extras, lowers, uppers
from imatfashion.data.sample import labels as ids
from imatfashion.data.sample.canvas import Canvas, Piece
from imatfashion.data.sample.designs import Design, contrast, design, shade
from imatfashion.data.sample.fabric import Fabric
from imatfashion.data.sample.pose import Pose, random_pose, torso_half_width

_CLOSED = uppers.Front(0.0, 0.0, 0.0, 1.6)


@dataclass(frozen=True)
class Outfit:
    """What a person wears; `upper` is the dress where there is one, and `lower` is None then."""

    upper: Design
    lower: Design | None
    outer: Design | None
    sleeves: float


def random_outfit(rng: np.random.Generator, pose: Pose) -> Outfit:
    """A dress, or an upper and a lower garment; perhaps a jacket or coat over it."""
    outer_class = rng.choice((-1, ids.JACKET, ids.COAT), p=(0.54, 0.22, 0.24))
    outer = design(rng, int(outer_class), pose) if outer_class >= 0 else None
    if rng.random() < 0.27:
        return Outfit(design(rng, ids.DRESS, pose), None, outer, float(rng.choice((0.0, 0.34, 0.95))))
    lower = design(rng, int(rng.choice((ids.PANTS, ids.SHORTS, ids.SKIRT), p=(0.37, 0.31, 0.32))), pose)
    upper_class = int(rng.choice((ids.SHIRT, ids.TOP)))
    # A long top hides the waist, so a high waist, to be seen, goes with a short one.
    hidden = frozenset({ids.HIP}) if lower.has(ids.HIGH_WAIST) else frozenset()
    shares = (0.4, 0.95, 0.95) if upper_class == ids.SHIRT else (0.0, 0.34, 0.34)
    return Outfit(design(rng, upper_class, pose, hidden), lower, outer, float(rng.choice(shares)))


def paint_figure(rng: np.random.Generator, canvas: Canvas, origin: tuple[float, float], unit: float) -> None:
    """Paint a person whose head's top is at `origin` (pixels) and whose head is `unit` pixels high."""
    pose = random_pose(rng, origin, unit)
    looks, outfit = body.random_looks(rng, pose), random_outfit(rng, pose)
    body.paint_back_hair(canvas, pose, looks)
    body.paint_body(canvas, pose, looks)
    if rng.random() < 0.92:
        extras.paint_shoes(rng, canvas, pose)
    upper = _paint_inner(rng, canvas, pose, looks, outfit)
    outer = _paint_outer(rng, canvas, pose, outfit)
    if rng.random() < 0.22:
        extras.paint_scarf(rng, canvas, pose)
    for arm in pose.arms:
        body.paint_arm(canvas, pose, looks, arm)
    if outer is not None and outfit.outer is not None:
        uppers.paint_sleeves(canvas, pose, outfit.outer, outer, 0.97)
    elif outfit.sleeves:
        uppers.paint_sleeves(canvas, pose, outfit.upper, upper, outfit.sleeves)
    body.paint_head(canvas, pose, looks)
    if rng.random() < 0.35:
        extras.paint_glasses(rng, canvas, pose, looks)
    if rng.random() < 0.38:
        extras.paint_hat(rng, canvas, pose)
    if rng.random() < 0.42:
        extras.paint_bag(rng, canvas, pose)


def _paint_inner(rng: np.random.Generator, canvas: Canvas, pose: Pose, looks: body.Looks, outfit: Outfit) -> Piece:
    if outfit.lower is None:
        upper = lowers.paint_dress(canvas, pose, outfit.upper)
        _finish_upper(rng, canvas, pose, looks, outfit.upper, upper, 3.6)
        if outfit.outer is None and rng.random() < 0.5:
            extras.paint_belt(rng, canvas, pose, upper, (torso_half_width(pose, 2.7, 0.08), 2.7))
        return upper
    tucked = outfit.upper.has(ids.ABOVE_THE_HIP)
    if not tucked:
        _paint_lower(canvas, pose, outfit.lower)
    waist = lowers.waist_of(outfit.lower)
    hem = waist + 0.2 if tucked else uppers.hem_of(outfit.upper)
    upper = uppers.paint_trunk(canvas, pose, outfit.upper, hem)
    _finish_upper(rng, canvas, pose, looks, outfit.upper, upper, hem)
    if tucked:
        lower = _paint_lower(canvas, pose, outfit.lower)
        if rng.random() < 0.65:
            half = torso_half_width(pose, waist + 0.14, 0.4 * outfit.lower.ease) + 0.03
            extras.paint_belt(rng, canvas, pose, lower, (half, waist + 0.14))
    return upper


def _paint_lower(canvas: Canvas, pose: Pose, lower: Design) -> Piece:
    if lower.class_id == ids.SKIRT:
        return lowers.paint_skirt(canvas, pose, lower)
    return lowers.paint_legwear(canvas, pose, lower)


def _finish_upper(rng: np.random.Generator, canvas: Canvas, pose: Pose, looks: body.Looks, upper: Design, piece: Piece,
                  hem: float) -> None:  # fmt: skip
    """Opening, collar or neckline, and a breast pocket."""
    uppers.paint_opening(rng, canvas, pose, upper, piece, _CLOSED, (1.72, hem))
    if upper.class_id == ids.SHIRT:
        if rng.random() < 0.45:
            side = float(rng.choice((-1, 1)))
            uppers.paint_pocket(canvas, pose, upper, piece, (side * 0.36, 2.05))
        uppers.paint_collar(canvas, pose, upper, piece, Fabric(contrast(rng, upper.fabric.colour)))
    else:
        body.paint_neckline(canvas, pose, looks, rng.uniform(0.2, 0.42))


def _paint_outer(rng: np.random.Generator, canvas: Canvas, pose: Pose, outfit: Outfit) -> Piece | None:
    outer = outfit.outer
    if outer is None:
        return None
    front = uppers.random_front(rng)
    piece = uppers.paint_outer(canvas, pose, outer, front)
    hem = uppers.hem_of(outer)
    uppers.paint_opening(rng, canvas, pose, outer, piece, front, (front.chest_y + 0.1, min(hem, 4.2)))
    if hem > 3 and rng.random() < 0.6:
        for side in (-1, 1):
            uppers.paint_pocket(canvas, pose, outer, piece, (side * 0.54, 3.1))
    if rng.random() < 0.6:
        uppers.paint_collar(canvas, pose, outer, piece, Fabric(shade(outer.fabric, 0.62).colour, unit=pose.unit))
    if not front.bottom and outer.class_id == ids.COAT and rng.random() < 0.6:
        extras.paint_belt(rng, canvas, pose, piece, (torso_half_width(pose, 2.65, outer.ease) + 0.02, 2.65))
    return piece
