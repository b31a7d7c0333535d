"""A photo being painted, and the masks of what has been painted on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
import numpy.typing as npt

from imatfashion.data.sample.fabric import Fabric, mix
from imatfashion.masks.runs import BoolArray

Points = npt.NDArray[np.float64]
"""Corners of a polygon or a line, (N, 2): x to the right, y down."""

_SHIFT = 4  # fillPoly's corners are whole numbers of 1/16 pixel


@dataclass(eq=False)
class Piece:
    """One garment or part: what it is, and the pixels that belong to it so far.

    Attributes:
        class_id: the competition's category id.
        attributes: the competition's attribute ids, rising.
        mask: bool (H, W).
        painted: pixels before anything hid it; 0 until it is painted.
    """

    class_id: int
    attributes: tuple[int, ...]
    mask: BoolArray
    painted: int = 0


@dataclass
class Canvas:
    """A photo, uint8 (H, W, 3) RGB, painted back to front; what is painted later hides what lies under it."""

    image: npt.NDArray[np.uint8]
    pieces: list[Piece] = field(default_factory=list)

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width."""
        return self.image.shape[0], self.image.shape[1]

    def piece(self, class_id: int, attributes: Sequence[int] = ()) -> Piece:
        """A new piece without pixels."""
        new = Piece(class_id, tuple(sorted(attributes)), np.zeros(self.shape, dtype=np.bool_))
        self.pieces.append(new)
        return new

    def paint(self, polygons: Sequence[Points], fabric: Fabric, onto: Sequence[Piece] = ()) -> None:
        """Paint the union of polygons (pixels) and keep the masks' book.

        The painted pixels become part of the pieces `onto` (a pocket and the coat it lies on) and leave all others.
        """
        box = _box(polygons, self.shape)
        if box is None:
            return
        coverage = _coverage(polygons, box)
        region = coverage >= 128
        target = self.image[box]
        colour = fabric.render(box)
        # A darker rim parts two garments of one colour; cv2 counts the outside as set, so the photo's edge has no rim.
        rim = region & (cv2.erode(region.astype(np.uint8), np.ones((3, 3), np.uint8)) == 0)
        colour[rim] *= 0.72
        target[...] = mix(target, colour, coverage)
        for piece in self.pieces:
            mask = piece.mask[box]
            if piece in onto:
                mask |= region
                piece.painted = max(piece.painted, int(piece.mask.sum()))
            else:
                mask &= ~region

    def decorate(self, polygons: Sequence[Points], colour: Fabric, on: Piece) -> None:
        """Paint what is no piece of its own (buttons, seams), only where `on` is visible; no mask changes."""
        box = _box(polygons, self.shape)
        if box is None:
            return
        coverage = _coverage(polygons, box)
        coverage[~on.mask[box]] = 0
        target = self.image[box]
        target[...] = mix(target, colour.render(box), coverage)


def _box(polygons: Sequence[Points], shape: tuple[int, int]) -> tuple[slice, slice] | None:
    corners = np.concatenate(list(polygons))
    left, top = np.maximum(np.floor(corners.min(axis=0)).astype(int) - 1, 0)
    right, bottom = np.ceil(corners.max(axis=0)).astype(int) + 2
    right, bottom = min(int(right), shape[1]), min(int(bottom), shape[0])
    if left >= right or top >= bottom:
        return None
    return slice(int(top), bottom), slice(int(left), right)


def _coverage(polygons: Sequence[Points], box: tuple[slice, slice]) -> npt.NDArray[np.uint8]:
    rows, cols = box
    out = np.zeros((rows.stop - rows.start, cols.stop - cols.start), dtype=np.uint8)
    for polygon in polygons:
        corners = np.round((polygon - (cols.start, rows.start)) * (1 << _SHIFT)).astype(np.int32)
        # One call a polygon: a single call with several would leave their overlaps empty (even-odd rule).
        cv2.fillPoly(out, [corners], (255,), cv2.LINE_AA, _SHIFT)
    return out
