"""Which part of a photo a sample shows: the whole of it, or a random crop for training."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from imatfashion.config.schema import AugmentConfig
from imatfashion.config.size import sample_size
from imatfashion.errors import FashionError
from imatfashion.masks.box import Box
from imatfashion.masks.view import View


def plain_view(
    height: int, width: int, resolution: int, resize: str, crop: Box | None = None, aspect: float = 1.0
) -> View:
    """The whole photo, or a part of it, on a square of `resolution` pixels, or a rectangle of about as many.

    Args:
        height: rows of the photo, pixels.
        width: columns of the photo, pixels.
        resolution: side of the sample, pixels.
        resize: `squash` (aspect lost) or `pad` (aspect kept, the rest is the photo around it, or padding).
        crop: the part; None for the whole photo.
        aspect: height of the sample divided by its width; 1 with `pad`.

    Returns:
        The view.

    Raises:
        FashionError: another `resize`.
    """
    top, left, rows, columns = crop or Box(0, 0, height, width)
    if resize == "squash":
        view = View.squash(rows, columns, *sample_size(resolution, aspect))
    elif resize == "pad":
        view = View.pad(rows, columns, resolution)
    else:
        raise FashionError(f"resize={resize} is unknown: give squash or pad")
    return replace(view, top=view.top + top, left=view.left + left)


def training_view(
    height: int,
    width: int,
    resolution: int,
    resize: str,
    *,
    augment: AugmentConfig,
    rng: np.random.Generator,
    crop: Box | None = None,
    aspect: float = 1.0,
) -> View:
    """The plain view, randomly scaled, shifted and mirrored; its aspect stays (with `squash` the photo's).

    The size of the crop is that of the plain view divided by 1 ± `augment.scale`, its centre lies up to `augment.shift`
    of its side away; either happens with `augment.probability`, the mirroring with ½ if `augment.flip`.

    With `augment.scale_min` and `scale_max` it is divided by a number between them instead, drawn evenly on a
    logarithmic scale. The crop then lies anywhere in the plain view, or the view anywhere in a larger crop, and the
    shift comes on top.

    Args:
        height: rows of the photo, pixels.
        width: columns of the photo, pixels.
        resolution: side of the sample, pixels.
        resize: `squash` or `pad`.
        augment: how large the changes may be.
        rng: where the chance comes from; six numbers are drawn whatever the settings.
        crop: what the plain view shows; None for the whole photo.
        aspect: as in `plain_view`.

    Returns:
        The view; it may stick out of the photo.

    Raises:
        FashionError: another `resize`.
    """
    plain = plain_view(height, width, resolution, resize, crop, aspect)
    chance = rng.random(6)
    grow = _growth(augment, chance[1]) if chance[0] < augment.probability else 1.0
    reach = augment.shift if chance[2] < augment.probability else 0.0
    if augment.scale_min is not None:
        # In sides of the crop: half of what the plain view is larger or smaller than it.
        reach += abs(grow - 1) / 2
    crop_height, crop_width = max(1, round(plain.height / grow)), max(1, round(plain.width / grow))
    down, right = reach * (2 * chance[3] - 1), reach * (2 * chance[4] - 1)
    return replace(
        plain,
        top=plain.top + round((plain.height - crop_height) / 2 + down * crop_height),
        left=plain.left + round((plain.width - crop_width) / 2 + right * crop_width),
        height=crop_height,
        width=crop_width,
        flip=bool(augment.flip and chance[5] < 0.5),
    )


def _growth(augment: AugmentConfig, chance: float) -> float:
    """How many times larger the photo is shown, for a chance in 0 … 1."""
    if augment.scale_min is None or augment.scale_max is None:
        return 1 + augment.scale * (2 * chance - 1)
    return float(augment.scale_min ** (1 - chance) * augment.scale_max**chance)
