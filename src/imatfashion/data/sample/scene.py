"""Backgrounds: a studio's gradient, a street, a wall, a park, noise."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.float32]


def random_scene(rng: np.random.Generator, height: int, width: int) -> npt.NDArray[np.uint8]:
    """A background, uint8 (height, width, 3) RGB."""
    scenes: tuple[Callable[[np.random.Generator, int, int], Image], ...] = (_gradient, _street, _wall, _park, _cloudy)
    picture = scenes[int(rng.choice(len(scenes), p=(0.2, 0.3, 0.2, 0.15, 0.15)))](rng, height, width)
    picture = cv2.GaussianBlur(picture, (0, 0), float(rng.uniform(0.6, 1.8))).astype(np.float32)
    return np.clip(picture, 0, 255).astype(np.uint8)


def _tone(rng: np.random.Generator, low: float, high: float, tint: float = 18) -> Image:
    """A greyish colour, float32 (3,)."""
    return (rng.uniform(low, high) + rng.uniform(-tint, tint, 3)).astype(np.float32)


def _gradient(rng: np.random.Generator, height: int, width: int) -> Image:
    first, second = _tone(rng, 90, 240, 30), _tone(rng, 60, 220, 30)
    angle = rng.uniform(0, 2 * np.pi)
    y, x = np.linspace(-0.5, 0.5, height)[:, None], np.linspace(-0.5, 0.5, width)[None, :]
    share = np.clip(x * np.cos(angle) + y * np.sin(angle) + 0.5, 0, 1)[..., None].astype(np.float32)
    picture: Image = first * (1 - share) + second * share
    if rng.random() < 0.5:
        floor = int(height * rng.uniform(0.7, 0.95))
        picture[floor:] *= rng.uniform(0.7, 0.9)
    return picture


def _street(rng: np.random.Generator, height: int, width: int) -> Image:
    picture = np.empty((height, width, 3), np.float32)
    picture[:] = _tone(rng, 170, 240, 25)
    ground = int(height * rng.uniform(0.6, 0.85))
    left = 0
    while left < width:
        right = left + int(rng.uniform(0.18, 0.45) * width)
        _house(rng, picture, (left, right), (int(height * rng.uniform(0.0, 0.35)), ground))
        left = right
    picture[ground:] = _tone(rng, 80, 170, 12)
    for share in rng.uniform(0.1, 0.9, 3):
        line = ground + int((height - ground) * share)
        picture[line : line + 2] *= 0.85
    return picture


def _house(rng: np.random.Generator, picture: Image, sides: tuple[int, int], ends: tuple[int, int]) -> None:
    (left, right), (top, bottom) = sides, ends
    picture[top:bottom, left:right] = _tone(rng, 80, 200, 30)
    window = _tone(rng, 50, 210, 25)
    step = max(int((right - left) / rng.integers(2, 5)), 12)
    for x in range(left + step // 4, right - step // 2, step):
        for y in range(top + step // 3, bottom - step, int(step * 1.4)):
            picture[y : y + int(step * 0.8), x : x + step // 2] = window


def _wall(rng: np.random.Generator, height: int, width: int) -> Image:
    picture = np.empty((height, width, 3), np.float32)
    brick, mortar = _tone(rng, 90, 200, 35), _tone(rng, 110, 220, 10)
    picture[:] = mortar
    tall = max(int(height * rng.uniform(0.025, 0.05)), 5)
    wide = int(tall * rng.uniform(2, 3))
    for row, y in enumerate(range(0, height, tall)):
        for x in range(-(row % 2) * wide // 2, width, wide):
            picture[y : y + tall - 1, max(x, 0) : max(x + wide - 1, 0)] = brick * rng.uniform(0.88, 1.1)
    floor = int(height * rng.uniform(0.75, 0.97))
    picture[floor:] = _tone(rng, 70, 180)
    return picture


def _park(rng: np.random.Generator, height: int, width: int) -> Image:
    picture = np.empty((height, width, 3), np.float32)
    picture[:] = _tone(rng, 180, 235, 20)
    horizon = int(height * rng.uniform(0.45, 0.75))
    green = np.array((rng.uniform(70, 140), rng.uniform(120, 180), rng.uniform(50, 100)), np.float32)
    for _ in range(int(rng.integers(6, 14))):
        centre = (int(rng.uniform(0, width)), int(rng.uniform(0.0, 0.6) * height))
        radius = int(rng.uniform(0.06, 0.2) * width)
        leaf = green * rng.uniform(0.6, 1.1)
        cv2.circle(picture, centre, radius, tuple(float(channel) for channel in leaf), -1, cv2.LINE_AA)
    picture[horizon:] = green * rng.uniform(0.9, 1.3)
    return picture


def _cloudy(rng: np.random.Generator, height: int, width: int) -> Image:
    noise = np.zeros((height, width, 3), np.float32)
    for cells, strength in ((4, 50), (12, 25), (40, 12)):
        coarse = rng.uniform(-strength, strength, (cells, cells, 3)).astype(np.float32)
        noise += cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR)
    return _tone(rng, 90, 190, 30) + noise
