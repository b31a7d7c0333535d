"""Pictures that are in memory already."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

from imatfashion.errors import FashionError


def as_pixels(photo: Image.Image | npt.NDArray[np.generic]) -> npt.NDArray[np.uint8]:
    """A picture in memory as RGB pixels, uint8 (H, W, 3), as viewers show it.

    Args:
        photo: a Pillow picture of 8 bits a channel, or an array, uint8 (H, W), (H, W, 3) or (H, W, 4); transparency
            lies over white.

    Raises:
        FashionError: another type or shape.
    """
    if isinstance(photo, np.ndarray):
        if photo.dtype != np.uint8 or photo.shape[2:] not in ((), (3,), (4,)) or photo.ndim < 2 or not photo.size:
            raise FashionError(
                f"an array of {photo.dtype} {photo.shape} is no photo; give uint8 (H, W, 3), RGB, from 0 to 255"
            )
        photo = Image.fromarray(np.ascontiguousarray(photo))
    if photo.mode.startswith(("I", "F")):
        raise FashionError(f"a picture of mode {photo.mode} has no 8 bits a channel; convert it to RGB first")
    image = ImageOps.exif_transpose(photo)
    if image.has_transparency_data:
        colour = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", colour.size, "white"), colour)
    return np.array(image.convert("RGB"), dtype=np.uint8)
