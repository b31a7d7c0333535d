"""Masks as outlines that a browser fills: SVG paths in the photo's own pixels."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from imatfashion.masks.paint import Sampler
from imatfashion.masks.runs import Runs
from imatfashion.masks.view import nearest

LONGEST = 1024
"""The outlines follow masks of at most so many pixels a side: more than a screen shows of a photo."""
_TOLERANCE = 0.4
"""How far a simplified outline may lie from the exact one, pixels of that mask."""


class Outliner:
    """Outlines of the masks of one photo.

    Args:
        height: rows of the masks, pixels.
        width: columns of the masks, pixels.
    """

    def __init__(self, height: int, width: int) -> None:
        scale = min(1.0, LONGEST / max(height, width))
        rows, cols = max(1, round(height * scale)), max(1, round(width * scale))
        self._sampler = Sampler(height, width, nearest(height, rows), nearest(width, cols))
        self._scale = np.array([width / cols, height / rows])

    def path(self, runs: Runs) -> str:
        """The mask's outline with its holes, to be filled by the even-odd rule; "" where nothing of it is to be seen.

        Coordinates are the photo's pixels with one decimal.
        """
        rows, cols, mask = self._sampler.box(runs)
        # An outline through pixel centres would lose half a pixel on each side: each pixel is made 2 × 2 first, and
        # its own corners then lie half a small pixel outside.
        double = np.repeat(np.repeat(mask.astype(np.uint8), 2, axis=0), 2, axis=1)
        contours, _ = cv2.findContours(double, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
        corner = np.array([cols.start, rows.start])
        return "".join(self._closed(contour, corner) for contour in contours)

    def _closed(self, contour: npt.NDArray[Any], corner: npt.NDArray[np.int64]) -> str:
        # The tolerance is in pixels of the mask, the contour in half ones.
        points = cv2.approxPolyDP(contour, 2 * _TOLERANCE, closed=True)[:, 0]
        places = ((points + 0.5) / 2 + corner) * self._scale
        return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in places) + "Z"
