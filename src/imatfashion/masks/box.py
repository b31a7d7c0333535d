"""The box around a mask."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt


def box_of(mask_HW: npt.NDArray[np.bool_]) -> tuple[slice, slice]:
    """The rows and columns that hold all of a mask, bool (H, W); empty ones for an empty mask."""
    x, y, width, height = cv2.boundingRect(mask_HW.view(np.uint8))
    return slice(y, y + height), slice(x, x + width)
