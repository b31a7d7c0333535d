"""Skin and hair: what carries the garments."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from imatfashion.data.sample.canvas import Canvas, Points
from imatfashion.data.sample.fabric import Colour, Fabric
from imatfashion.data.sample.pose import HIP_Y, NECK_Y, Pose, trunk
from imatfashion.data.sample.shapes import box, ellipse, limb, points, smooth

_SKINS: tuple[Colour, ...] = (
    (246, 214, 190), (233, 190, 158), (212, 160, 122), (178, 122, 84), (134, 88, 58), (92, 60, 42),
)  # fmt: skip
_HAIRS: tuple[Colour, ...] = (
    (28, 22, 20), (62, 40, 28), (112, 72, 42), (196, 152, 88), (150, 66, 36), (168, 166, 164),
)  # fmt: skip


@dataclass(frozen=True)
class Looks:
    """A person's skin and hair.

    Attributes:
        skin: the skin's surface.
        hair: the hair's surface.
        hair_style: short, bob, long or bun.
        turn: sideways shift of the face, heads.
    """

    skin: Fabric
    hair: Fabric
    hair_style: str
    turn: float


def random_looks(rng: np.random.Generator, pose: Pose) -> Looks:
    """Looks drawn at random, each tone as likely as the next."""
    skin, hair = _SKINS[int(rng.integers(len(_SKINS)))], _HAIRS[int(rng.integers(len(_HAIRS)))]
    style = str(rng.choice(("short", "bob", "long", "bun")))
    surface = Fabric(skin, unit=pose.unit, folds=0.03, anchor=pose.origin)
    return Looks(surface, Fabric(hair, unit=pose.unit, folds=0.1, anchor=pose.origin), style, rng.uniform(-0.09, 0.09))


def paint_back_hair(canvas: Canvas, pose: Pose, looks: Looks) -> None:
    """Hair that falls behind the shoulders."""
    if looks.hair_style in ("long", "bob"):
        low = 1.9 if looks.hair_style == "long" else 1.15
        outline = points((-0.3, 0.0), (0.3, 0.0), (0.56, 0.5), (0.6, low), (-0.6, low), (-0.56, 0.5))
        canvas.paint([pose.at(smooth(outline))], looks.hair)
    if looks.hair_style == "bun":
        canvas.paint([pose.at(ellipse((0, -0.06), 0.24, 0.22))], looks.hair)


def paint_body(canvas: Canvas, pose: Pose, looks: Looks) -> None:
    """Legs, trunk and neck; arms and head are painted later, over the garments."""
    legs = [part for leg in pose.legs for part in _on(pose, limb(leg, (0.29, 0.19, 0.11)))]
    feet = [pose.at(foot_outline(leg[2], side)) for side, leg in zip((-1, 1), pose.legs, strict=True)]
    hips = pose.at(smooth(trunk(pose, HIP_Y + 0.35, 0.0)))
    neck = pose.at(box((0, NECK_Y), 0.18, 0.3))
    canvas.paint([*legs, *feet, hips, neck], looks.skin)


def foot_outline(ankle: Points, side: int) -> Points:
    """A foot that points outwards, body coordinates."""
    x, y = ankle
    corners = ((-0.16, -0.12), (0.14, -0.12), (0.46, 0.2), (0.46, 0.36), (-0.2, 0.36))
    return smooth(points(*[(x + side * dx, y + dy) for dx, dy in corners]))


def arm_polygons(pose: Pose, line: Points, half_widths: tuple[float, float, float]) -> list[Points]:
    """Pixels' polygons of an arm or what covers it."""
    return _on(pose, limb(line, half_widths))


def paint_arm(canvas: Canvas, pose: Pose, looks: Looks, arm: Points) -> None:
    """One bare arm with its hand."""
    reach = arm[2] + 0.12 * (arm[2] - arm[1]) / np.hypot(*(arm[2] - arm[1]))
    canvas.paint([*arm_polygons(pose, arm, (0.16, 0.14, 0.1)), *_on(pose, [ellipse(reach, 0.15, 0.15)])], looks.skin)


def paint_neckline(canvas: Canvas, pose: Pose, looks: Looks, depth: float) -> None:
    """Skin that a round neckline leaves free."""
    canvas.paint([pose.at(ellipse((0, NECK_Y + 0.06), 0.3, depth))], looks.skin)


def paint_head(canvas: Canvas, pose: Pose, looks: Looks) -> None:
    """Head, face and the hair above the brow."""
    canvas.paint([pose.at(ellipse((0, 0.56), 0.42, 0.55))], looks.skin)
    dark = Fabric((40, 28, 26))
    eyes = [pose.at(ellipse((looks.turn + side * 0.17, 0.58), 0.055, 0.045)) for side in (-1, 1)]
    mouth = pose.at(ellipse((looks.turn, 0.88), 0.13, 0.035))
    canvas.paint(eyes, dark)
    canvas.paint([mouth], Fabric((168, 70, 70)))
    brow = 0.32
    parting = looks.turn + 0.1
    cap = points(
        (-0.47, 0.62), (-0.48, 0.2), (-0.25, -0.08), (0.25, -0.08), (0.48, 0.2), (0.47, 0.62),
        (0.36, brow + 0.08), (parting, brow - 0.12), (-0.36, brow + 0.08),
    )  # fmt: skip
    canvas.paint([pose.at(smooth(cap))], looks.hair)


def _on(pose: Pose, polygons: list[Points]) -> list[Points]:
    return [pose.at(polygon) for polygon in polygons]
