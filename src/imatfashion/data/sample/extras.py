"""What is worn beside garments: hats, glasses, scarves, belts, bags and shoes."""

from __future__ import annotations

import numpy as np

from imatfashion.data.sample import labels as ids
from imatfashion.data.sample.body import Looks, foot_outline
from imatfashion.data.sample.canvas import Canvas, Piece, Points
from imatfashion.data.sample.designs import fabric, pick_colour, shade
from imatfashion.data.sample.fabric import Fabric
from imatfashion.data.sample.pose import NECK_Y, Pose
from imatfashion.data.sample.shapes import along, box, ellipse, limb, points, smooth


def paint_hat(rng: np.random.Generator, canvas: Canvas, pose: Pose) -> None:
    """A brimmed hat, a cap or a beanie."""
    cloth, hat = fabric(rng, ids.HAT, pose), canvas.piece(ids.HAT)
    style, side = rng.choice(("brim", "cap", "beanie")), rng.choice((-1, 1))
    crown = points((-0.48, 0.28), (-0.44, -0.14), (-0.2, -0.36), (0.2, -0.36), (0.44, -0.14), (0.48, 0.28))
    parts = [pose.at(smooth(crown))]
    if style == "brim":
        parts.append(pose.at(ellipse((0, 0.2), 0.88, 0.14, 0.06 * float(side))))
    elif style == "cap":
        parts.append(pose.at(ellipse((side * 0.45, 0.2), 0.42, 0.1)))
    canvas.paint(parts, cloth, onto=[hat])
    canvas.decorate([pose.at(box((0, 0.08), 0.46, 0.07))], shade(cloth, 0.55), hat)


def paint_glasses(rng: np.random.Generator, canvas: Canvas, pose: Pose, looks: Looks) -> None:
    """Glasses with dark or tinted lenses."""
    glasses = canvas.piece(ids.GLASSES)
    tint = ((24, 24, 28), (60, 30, 22), (36, 60, 110))[int(rng.integers(3))]
    round_ones = rng.random() < 0.5
    lenses = []
    for side in (-1, 1):
        at = (looks.turn + side * 0.225, 0.57)
        lenses.append(pose.at(ellipse(at, 0.22, 0.2) if round_ones else box(at, 0.2, 0.17)))
    bridge = pose.at(box((looks.turn, 0.54), 0.46, 0.05))
    canvas.paint([*lenses, bridge], Fabric(tint), onto=[glasses])
    glints = [pose.at(ellipse((looks.turn + side * 0.225 - 0.06, 0.51), 0.06, 0.045)) for side in (-1, 1)]
    canvas.decorate(glints, Fabric((170, 180, 190)), glasses)


def paint_scarf(rng: np.random.Generator, canvas: Canvas, pose: Pose) -> None:
    """A scarf round the neck with one or two hanging ends."""
    cloth, scarf = fabric(rng, ids.SCARF, pose), canvas.piece(ids.SCARF)
    side = float(rng.choice((-1, 1)))
    parts = [pose.at(ellipse((0, NECK_Y + 0.12), 0.52, 0.27))]
    for x in (side * 0.2, -side * 0.22)[: int(rng.integers(1, 3))]:
        end = rng.uniform(2.2, 2.9)
        parts.append(pose.at(points((x - 0.16, 1.4), (x + 0.16, 1.4), (x + 0.2, end), (x - 0.16, end))))
    canvas.paint(parts, cloth, onto=[scarf])
    canvas.decorate([pose.at(ellipse((0, NECK_Y + 0.04), 0.44, 0.05))], shade(cloth, 0.6), scarf)


def paint_belt(rng: np.random.Generator, canvas: Canvas, pose: Pose, host: Piece, at: tuple[float, float]) -> None:
    """A belt of half width x at a height y of the body; it cuts half of its garments in two, the others stay whole."""
    half, y = at
    belt = canvas.piece(ids.BELT)
    thick = 0.15
    onto = [belt, host] if rng.random() < 0.5 else [belt]
    canvas.paint([pose.at(box((0, y), half, thick))], Fabric(pick_colour(rng, ids.BELT)), onto=onto)
    canvas.decorate([pose.at(box((0, y), 0.14, 0.12))], Fabric((222, 188, 92)), belt)


def paint_bag(rng: np.random.Generator, canvas: Canvas, pose: Pose) -> None:
    """A bag that hangs from a hand or across the trunk."""
    side = int(rng.integers(2))
    if rng.random() < 0.65:
        wrist = pose.arms[side][2]
        line = wrist + points((0.0, 0.0), (0.0, 0.25), (0.0, 0.5))
        _paint_bag_at(rng, canvas, pose, line[2] + points((0.0, 0.35))[0], limb(line, (0.05, 0.05, 0.05)))
        return
    sign = (-1, 1)[side]
    strap = np.array([(-sign * 0.5, 1.42), (0.0, 2.2), (sign * 0.66, 3.0)])
    _paint_bag_at(rng, canvas, pose, np.array((sign * 0.74, 3.3)), limb(strap, (0.06, 0.06, 0.06)))


def _paint_bag_at(rng: np.random.Generator, canvas: Canvas, pose: Pose, centre: Points, strap: list[Points]) -> None:
    x, y = centre
    wide, tall = rng.uniform(0.4, 0.55), rng.uniform(0.32, 0.45)
    body = points((x - 0.85 * wide, y - tall), (x + 0.85 * wide, y - tall), (x + wide, y + tall), (x - wide, y + tall))
    cloth, bag = fabric(rng, ids.BAG, pose), canvas.piece(ids.BAG)
    canvas.paint([pose.at(part) for part in [*strap, body]], cloth, onto=[bag])
    canvas.decorate([pose.at(box((x, y - 0.45 * tall), 0.88 * wide, 0.04))], shade(cloth, 0.5), bag)
    canvas.decorate([pose.at(ellipse((x, y - 0.3 * tall), 0.07, 0.07))], Fabric((232, 200, 110)), bag)


def paint_shoes(rng: np.random.Generator, canvas: Canvas, pose: Pose) -> None:
    """A pair of shoes or boots: mostly a row each, else one row for both."""
    cloth, boots, together = fabric(rng, ids.SHOE, pose), rng.random() < 0.35, rng.random() < 0.35
    pair = canvas.piece(ids.SHOE) if together else None
    for side, leg in zip((-1, 1), pose.legs, strict=True):
        shoe = pair or canvas.piece(ids.SHOE)
        parts = [foot_outline(leg[2], side)]
        if boots:
            shaft = along(leg[::-1], 0.24)
            parts += limb(shaft, (0.18, 0.2, 0.22))
        canvas.paint([pose.at(part) for part in parts], cloth, onto=[shoe])
        sole = box((leg[2][0] + side * 0.13, leg[2][1] + 0.35), 0.4, 0.04)
        canvas.decorate([pose.at(sole)], shade(cloth, 0.45), shoe)
