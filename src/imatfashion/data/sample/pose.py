"""Where a figure stands and how it holds its limbs.

Body coordinates count in head heights: x from the figure's middle, y down from the top of the head. A figure is 6.2
heads tall (chubby, so that small parts stay visible in small photos).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from imatfashion.data.sample.canvas import Points
from imatfashion.data.sample.shapes import points

TALL = 6.25
NECK_Y, SHOULDER_Y, WAIST_Y, HIP_Y, KNEE_Y, ANKLE_Y = 1.2, 1.5, 2.75, 3.3, 4.6, 5.85
SHOULDER_X, HIP_X = 0.7, 0.3
_UPPER_ARM, _FOREARM, _THIGH, _SHIN = 0.95, 0.95, KNEE_Y - HIP_Y, ANKLE_Y - KNEE_Y

# Outward angles of upper arm and forearm from hanging down, radians: (lowest, highest) of each.
_ARMS = {
    "hanging": ((0.12, 0.4), (-0.05, 0.3)),
    "akimbo": ((0.65, 0.85), (-0.95, -0.7)),
    "bent": ((0.2, 0.4), (1.0, 1.7)),
    "raised": ((1.7, 2.4), (2.2, 2.9)),
    "folded": ((0.25, 0.4), (-1.25, -0.9)),
}
_ARM_SHARES = (0.4, 0.2, 0.15, 0.1, 0.15)


@dataclass(frozen=True)
class Pose:
    """A figure's place and joints.

    Attributes:
        origin: pixel (x, y) of the top of the head of an upright figure.
        unit: head height, pixels.
        lean: sideways shift of the upper body per head of height.
        build: width relative to an average figure.
        arms: shoulder, elbow and wrist, (2, 3, 2) body coordinates, left first.
        legs: hip, knee and ankle, (2, 3, 2) body coordinates.
    """

    origin: tuple[float, float]
    unit: float
    lean: float
    build: float
    arms: Points
    legs: Points

    def at(self, body: Points) -> Points:
        """Pixels (N, 2) of body coordinates (N, 2)."""
        x = body[:, 0] + self.lean * np.maximum(HIP_Y - body[:, 1], 0)
        return np.stack([self.origin[0] + self.unit * x, self.origin[1] + self.unit * body[:, 1]], axis=1)

    def legs_at(self, y: float) -> tuple[float, float]:
        """Smallest and largest x of the legs' middle lines at a height of the body."""
        xs = [float(np.interp(y, leg[:, 1], leg[:, 0])) for leg in self.legs]
        return min(xs), max(xs)


def random_pose(rng: np.random.Generator, origin: tuple[float, float], unit: float) -> Pose:
    """A pose of random limbs at a place."""
    build = float(rng.uniform(0.9, 1.15))
    styles = rng.choice(list(_ARMS), size=2, p=_ARM_SHARES)
    if rng.random() < 0.4:
        styles[1] = styles[0]
    arms = [_arm(rng, side, str(style), build) for side, style in zip((-1, 1), styles, strict=True)]
    stance = rng.uniform(0.0, 0.16)
    step = rng.choice((-1, 0, 1), p=(0.25, 0.5, 0.25))
    legs = [_leg(rng, side, stance, bent=side == step, build=build) for side in (-1, 1)]
    return Pose(origin, unit, float(rng.uniform(-0.13, 0.13)), build, np.stack(arms), np.stack(legs))


def _arm(rng: np.random.Generator, side: int, style: str, build: float) -> Points:
    upper, fore = (rng.uniform(*bounds) for bounds in _ARMS[style])
    shoulder = np.array([side * SHOULDER_X * build, SHOULDER_Y + 0.08])
    elbow = shoulder + _UPPER_ARM * np.array([side * np.sin(upper), np.cos(upper)])
    wrist = elbow + _FOREARM * np.array([side * np.sin(fore), np.cos(fore)])
    return np.array([shoulder, elbow, wrist])


def _leg(rng: np.random.Generator, side: int, stance: float, *, bent: bool, build: float) -> Points:
    thigh, shin = (rng.uniform(0.15, 0.32), rng.uniform(-0.25, 0.05)) if bent else (stance, stance * 0.8)
    hip = np.array([side * HIP_X * build, HIP_Y + 0.05])
    knee = hip + _THIGH * np.array([side * np.sin(thigh), np.cos(thigh)])
    ankle = knee + _SHIN * np.array([side * np.sin(shin), np.cos(shin)])
    return np.array([hip, knee, ankle])


def torso_half_width(pose: Pose, y: float, ease: float) -> float:
    """Half the width of the trunk at a height of the body; `ease` is the garment's looseness, 0 for skin-tight."""
    heights = (NECK_Y, SHOULDER_Y - 0.1, SHOULDER_Y + 0.12, 2.0, WAIST_Y, HIP_Y)
    widths = (0.2, 0.6, 0.8, 0.64, 0.5 + 0.35 * ease, 0.64)
    falling = ease * float(np.interp(y, (NECK_Y, SHOULDER_Y, 2.0), (0.0, 0.3, 1.0)))
    return pose.build * (float(np.interp(y, heights, widths)) + falling)


def trunk(pose: Pose, hem: float, ease: float, hem_half: float | None = None) -> Points:
    """Outline of what covers the trunk from the neck to a hem, body coordinates (N, 2)."""
    ys = [y for y in (NECK_Y, SHOULDER_Y - 0.1, SHOULDER_Y + 0.12, 1.8, 2.0, 2.4, WAIST_Y, 3.0, HIP_Y) if y < hem]
    half = [torso_half_width(pose, y, ease) for y in ys]
    last = torso_half_width(pose, hem, ease) if hem_half is None else hem_half
    right = [*zip(half, ys, strict=True), (last, hem)]
    return points(*right, *[(-x, y) for x, y in reversed(right)])
