"""Garments made whole: on one label map a pocket cuts a hole into its coat, which the coat is given back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from imatfashion.masks.runs import BoolArray, decode_runs, encode_mask
from imatfashion.predict.garments import FoundGarment

_NOBODY = -1
_RING = np.ones((3, 3), dtype=np.uint8)


class _Piece(NamedTuple):
    """A connected component of a garment inside its box (rows, columns), and the pixels around it."""

    box: tuple[slice, slice]
    mask: BoolArray
    ring: BoolArray


def give_back(
    garments: Sequence[FoundGarment], grid: tuple[int, int], lies_on: Sequence[Sequence[int]]
) -> list[FoundGarment]:
    """Add parts to the garments that they lie on; the parts stay garments of their own.

    Each connected piece of a part goes to the one garment, of a class that the part's class lies on, which has most of
    the pixels around it; to none where no such garment touches it. Scores stay those of a garment's own pixels.

    Args:
        garments: garments of one label map, which do not overlap.
        grid: height and width of the map, pixels.
        lies_on: the classes that each class lies on as a part, (C,).

    Returns:
        The garments in the same order.
    """
    owners_HW = _owners(garments, grid)
    whole: dict[int, BoolArray] = {}
    for index, garment in enumerate(garments):
        hosts = [other for other, host in enumerate(garments) if host.class_index in lies_on[garment.class_index]]
        for piece in _pieces(owners_HW == index) if hosts else ():
            around = np.bincount(owners_HW[piece.box][piece.ring] - _NOBODY, minlength=len(garments) + 1)[1:]
            host = max(hosts, key=lambda other: int(around[other]))
            if around[host]:
                mask_HW = whole.setdefault(host, owners_HW == host)
                mask_HW[piece.box] |= piece.mask
    return [_with_mask(garment, whole[index]) if index in whole else garment for index, garment in enumerate(garments)]


def _owners(garments: Sequence[FoundGarment], grid: tuple[int, int]) -> npt.NDArray[np.int32]:
    """Whose pixel it is, int32 (H, W): the garment's position, or −1."""
    owners_HW = np.full(grid, _NOBODY, dtype=np.int32)
    for index, garment in enumerate(garments):
        owners_HW[decode_runs(garment.runs, *grid)] = index
    return owners_HW


def _pieces(mask_HW: BoolArray) -> Iterator[_Piece]:
    count, pieces_HW, stats, _ = cv2.connectedComponentsWithStats(mask_HW.astype(np.uint8), connectivity=8)
    for number in range(1, count):
        x, y, width, height = (int(value) for value in stats[number, :4])
        box = slice(max(y - 1, 0), y + height + 1), slice(max(x - 1, 0), x + width + 1)
        mask = pieces_HW[box] == number
        grown = cv2.dilate(mask.astype(np.uint8), _RING) > 0
        yield _Piece(box, mask, grown & ~mask)


def _with_mask(garment: FoundGarment, mask_HW: BoolArray) -> FoundGarment:
    return replace(garment, runs=encode_mask(mask_HW), area=int(mask_HW.sum()))
