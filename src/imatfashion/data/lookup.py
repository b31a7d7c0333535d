"""Small tables looked up by whole maps: OpenCV does it three times as fast as numpy where the keys fit into a byte."""

from __future__ import annotations

from typing import Any, TypeVar

import cv2
import numpy as np
import numpy.typing as npt

from imatfashion.masks.runs import BoolArray

T = TypeVar("T", np.uint8, np.int16)

_BYTES = 256


def occurring(keys: npt.NDArray[np.int16], count: int) -> BoolArray:
    """Which of the numbers 0 … count − 1 occur.

    Args:
        keys: (…, w), each in that range.
        count: how many numbers there are.

    Returns:
        bool (count,).
    """
    if count > _BYTES:
        return np.asarray(np.bincount(keys.ravel(), minlength=count) > 0)
    histogram = cv2.calcHist([_bytes(keys)], [0], None, [_BYTES], [0, _BYTES])
    return np.asarray(histogram.ravel()[:count] > 0)


def look_up(table: npt.NDArray[T], keys: npt.NDArray[np.int16]) -> npt.NDArray[T]:
    """`table[keys]`.

    Args:
        table: (n,).
        keys: (…, w), each in 0 … n − 1.

    Returns:
        The values, in the shape of the keys.
    """
    if len(table) > _BYTES:
        return table[keys]
    padded = np.zeros(_BYTES, dtype=table.dtype)
    padded[: len(table)] = table
    return cv2.LUT(_bytes(keys), padded).reshape(keys.shape).astype(table.dtype, copy=False)


def _bytes(keys: npt.NDArray[np.int16]) -> npt.NDArray[Any]:
    # Two-dimensional: OpenCV would take a third dimension for colours.
    return keys.astype(np.uint8).reshape(-1, keys.shape[-1])
