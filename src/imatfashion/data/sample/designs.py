"""What a garment is to look like: its class, its attributes and its fabric, before it is cut to a figure."""

from __future__ import annotations

import colorsys
from dataclasses import dataclass

import numpy as np

from imatfashion.data.sample import labels as ids
from imatfashion.data.sample.fabric import Colour, Fabric
from imatfashion.data.sample.pose import Pose

Weights = dict[int, float]

_PATTERN: Weights = {ids.PLAIN: 0.34, ids.STRIPE: 0.22, ids.DOT: 0.22, ids.CHECK: 0.22}
_FIT: Weights = {ids.TIGHT: 1, ids.REGULAR: 1, ids.LOOSE: 1}
_BODY_LENGTH: Weights = {ids.ABOVE_THE_HIP: 1, ids.HIP: 1}
_SKIRT_LENGTH: Weights = {ids.MINI: 1, ids.KNEE: 1, ids.MAXI: 1}
_CUT: Weights = {ids.STRAIGHT: 1, ids.FLARE: 1}
_WAIST: Weights = {ids.HIGH_WAIST: 1, ids.NORMAL_WAIST: 1}
_HEM: Weights = {ids.SYMMETRICAL: 2, ids.ASYMMETRICAL: 1}
_OUTER_OPENING: Weights = {ids.SINGLE_BREASTED: 1, ids.DOUBLE_BREASTED: 1, ids.ZIP_UP: 1}

CHOICES: dict[int, tuple[Weights, ...]] = {
    ids.SHIRT: (_BODY_LENGTH, {ids.SINGLE_BREASTED: 2, ids.NO_OPENING: 1}, _FIT, _PATTERN),
    ids.TOP: (_BODY_LENGTH, {ids.NO_OPENING: 2, ids.ZIP_UP: 1}, _FIT, _PATTERN),
    ids.JACKET: (_BODY_LENGTH, _OUTER_OPENING, _FIT, _PATTERN),
    ids.COAT: ({ids.ABOVE_THE_KNEE: 1, ids.KNEE: 1, ids.MIDI: 1}, _OUTER_OPENING, _FIT, _PATTERN),
    ids.PANTS: ({ids.MAXI: 2, ids.MIDI: 1}, _CUT, _FIT, _WAIST, _PATTERN),
    ids.SHORTS: ({ids.MINI: 1, ids.ABOVE_THE_KNEE: 1}, _FIT, _WAIST, _PATTERN),
    ids.SKIRT: (_SKIRT_LENGTH, _CUT, _HEM, _WAIST, _PATTERN),
    ids.DRESS: (_SKIRT_LENGTH, _CUT, _HEM, {ids.NO_OPENING: 2, ids.SINGLE_BREASTED: 1, ids.ZIP_UP: 1}, _PATTERN),
}
"""Of each group of a class, one attribute is drawn, independently of the others."""

# Hue (turns), saturation and value that a class tends to; a few garments have any colour instead.
_TENDENCIES: dict[int, tuple[tuple[float, float, float], ...]] = {
    ids.SHIRT: ((0.58, 0.1, 0.95), (0.58, 0.4, 0.92)),
    ids.TOP: ((0.14, 0.75, 0.92), (0.03, 0.75, 0.88)),
    ids.JACKET: ((0.62, 0.45, 0.28), (0.06, 0.6, 0.34)),
    ids.COAT: ((0.09, 0.45, 0.72), (0.96, 0.55, 0.46)),
    ids.PANTS: ((0.61, 0.55, 0.5), (0.6, 0.1, 0.22)),
    ids.SHORTS: ((0.33, 0.45, 0.52), (0.12, 0.28, 0.82)),
    ids.SKIRT: ((0.9, 0.5, 0.82), (0.78, 0.45, 0.64)),
    ids.DRESS: ((0.47, 0.6, 0.7), (0.99, 0.72, 0.72)),
    ids.HAT: ((0.1, 0.5, 0.8), (0.0, 0.7, 0.6), (0.6, 0.2, 0.25)),
    ids.BELT: ((0.07, 0.7, 0.3), (0.0, 0.0, 0.1)),
    ids.SHOE: ((0.06, 0.65, 0.32), (0.0, 0.0, 0.12), (0.0, 0.75, 0.7), (0.0, 0.0, 0.95)),
    ids.BAG: ((0.08, 0.65, 0.62), (0.0, 0.7, 0.6), (0.14, 0.75, 0.85)),
    ids.SCARF: ((0.02, 0.8, 0.8), (0.13, 0.7, 0.9), (0.48, 0.6, 0.6)),
}
_ANY_COLOUR = 0.08


@dataclass(frozen=True)
class Design:
    """A garment before it is drawn.

    Attributes:
        class_id: the competition's category id.
        attributes: the competition's attribute ids; each can be seen in the drawing.
        fabric: colour and pattern.
    """

    class_id: int
    attributes: frozenset[int]
    fabric: Fabric

    def has(self, attribute: int) -> bool:
        """Whether the garment has an attribute."""
        return attribute in self.attributes

    @property
    def ease(self) -> float:
        """Looseness, heads: room between body and cloth on each side."""
        if self.has(ids.TIGHT):
            return 0.0
        return 0.32 if self.has(ids.LOOSE) else 0.13


def design(rng: np.random.Generator, class_id: int, pose: Pose, without: frozenset[int] = frozenset()) -> Design:
    """Draw a design of a class; of each group's attributes those in `without` are left out."""
    attributes = {_pick(rng, group, without) for group in CHOICES[class_id]}
    if class_id in (ids.SKIRT, ids.DRESS) and rng.random() < 0.4:
        attributes.add(ids.PLEAT)
    return Design(class_id, frozenset(attributes), fabric(rng, class_id, pose, attributes))


def fabric(rng: np.random.Generator, class_id: int, pose: Pose, attributes: set[int] | None = None) -> Fabric:
    """Cloth of a class's colours, with the pattern that the attributes name."""
    first = pick_colour(rng, class_id)
    names = {ids.STRIPE: "stripe", ids.CHECK: "check", ids.DOT: "dot"}
    pattern = next((name for attribute, name in names.items() if attribute in (attributes or ())), "plain")
    angle = float(rng.choice((0.0, np.pi / 2)) if pattern == "stripe" else 0.0) + float(rng.uniform(-0.12, 0.12))
    return Fabric(
        first, contrast(rng, first), pattern, pose.unit, float(rng.uniform(0.36, 0.5)), angle, 0.06, pose.origin
    )


def pick_colour(rng: np.random.Generator, class_id: int) -> Colour:
    """A colour that the class tends to, or any."""
    if rng.random() < _ANY_COLOUR:
        return _rgb(rng.random(), rng.uniform(0.1, 0.8), rng.uniform(0.2, 0.95))
    tendencies = _TENDENCIES[class_id]
    hue, saturation, value = tendencies[int(rng.integers(len(tendencies)))]
    return _rgb(hue + rng.normal(0, 0.03), saturation + rng.normal(0, 0.08), value + rng.normal(0, 0.06))


def contrast(rng: np.random.Generator, colour: Colour) -> Colour:
    """A colour that stands out from another: lighter on dark, darker on light."""
    hue, saturation, value = colorsys.rgb_to_hsv(*(channel / 255 for channel in colour))
    light = 0.3 * colour[0] + 0.59 * colour[1] + 0.11 * colour[2]
    if light > 135:
        return _rgb(hue + rng.normal(0, 0.12), saturation + 0.3, value * rng.uniform(0.3, 0.5))
    return _rgb(hue + rng.normal(0, 0.12), saturation * 0.35, rng.uniform(0.85, 1.0))


def shade(cloth: Fabric, factor: float) -> Fabric:
    """The same cloth, darker or lighter."""
    return Fabric(
        _times(cloth.colour, factor), _times(cloth.second, factor), cloth.pattern, cloth.unit, cloth.period,
        cloth.angle, cloth.folds, cloth.anchor,
    )  # fmt: skip


def _times(colour: Colour, factor: float) -> Colour:
    red, green, blue = (min(channel * factor, 255.0) for channel in colour)
    return red, green, blue


def _rgb(hue: float, saturation: float, value: float) -> Colour:
    red, green, blue = colorsys.hsv_to_rgb(hue % 1, min(max(saturation, 0), 1), min(max(value, 0.06), 1))
    return red * 255, green * 255, blue * 255


def _pick(rng: np.random.Generator, group: Weights, without: frozenset[int]) -> int:
    kept = {attribute: weight for attribute, weight in group.items() if attribute not in without}
    total = sum(kept.values())
    return int(rng.choice(list(kept), p=[weight / total for weight in kept.values()]))
