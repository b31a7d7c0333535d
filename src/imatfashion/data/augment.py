"""Random changes of the small picture and its maps; the only module that knows albumentations.

Crop, scale and mirroring are in the view. A pixel's label follows from its owner, so that one map per layer is turned.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np

from imatfashion.config.schema import AugmentConfig
from imatfashion.data.decode import ByteArray
from imatfashion.data.render import OUTSIDE, PADDING, OwnerArray

_SIGMA = (0.3, 1.5)
"""Of the blur, pixels of the sample: from none that is seen to that of a photo out of focus."""


class Augmenter:
    """Rotation, light, colours and blur, each with its own chance.

    Args:
        config: how large the changes may be.
    """

    def __init__(self, config: AugmentConfig) -> None:
        # Its import asks the network for a newer version unless told not to.
        os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")
        import albumentations

        self._compose = albumentations.Compose(_transforms(albumentations, config), strict=True)

    def __call__(self, image: ByteArray, owners: OwnerArray, seed: Sequence[int]) -> tuple[ByteArray, OwnerArray]:
        """Change a sample.

        Args:
            image: RGB, uint8 (h, w, 3).
            owners: int16 (L, h, w), as `paint_owners` makes them.
            seed: of the chance; the same seed makes the same changes in any process.

        Returns:
            The two, changed: the picture is interpolated, the owners are taken from the nearest pixel.
        """
        # Compose.set_random_seed gives every transform the same stream: they would all act, and turn as far as they
        # brighten, together.
        states = np.random.SeedSequence(list(seed)).generate_state(len(self._compose.transforms))
        for transform, state in zip(self._compose.transforms, states.tolist(), strict=True):
            transform.set_random_seed(state)
        layered = np.ascontiguousarray(owners.transpose(1, 2, 0))
        changed = self._compose(image=np.ascontiguousarray(image), mask=layered)
        return changed["image"], changed["mask"].transpose(2, 0, 1)


def _transforms(library: Any, config: AugmentConfig) -> list[Any]:
    """The changes of non-zero size. ColorJitter's contrast turns about the mean grey, its brightness multiplies."""
    chance = config.probability
    still = {"brightness": (1.0, 1.0), "contrast": (1.0, 1.0), "saturation": (1.0, 1.0), "hue": (0.0, 0.0)}
    transforms: list[Any] = []
    if config.rotate:
        transforms.append(
            library.Rotate(
                limit=(-config.rotate, config.rotate),
                interpolation=cv2.INTER_LINEAR,
                mask_interpolation=cv2.INTER_NEAREST,
                border_mode=cv2.BORDER_CONSTANT,
                fill=PADDING,
                fill_mask=OUTSIDE,
                p=chance,
            )
        )
    for name in ("brightness", "contrast", "saturation"):
        if size := getattr(config, name):
            transforms.append(library.ColorJitter(**{**still, name: (1 - size, 1 + size)}, p=chance))
    if config.hue:
        transforms.append(library.ColorJitter(**{**still, "hue": (-config.hue, config.hue)}, p=chance))
    if config.grey:
        transforms.append(library.ToGray(p=config.grey))
    if config.blur:
        transforms.append(library.GaussianBlur(blur_limit=0, sigma_limit=_SIGMA, p=config.blur))
    return transforms
