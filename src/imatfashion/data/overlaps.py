"""Which classes are parts that lie on other garments, read off a table's own overlaps."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

from imatfashion.data.labels import Labels
from imatfashion.masks.paint import Sampler
from imatfashion.masks.runs import BoolArray, Runs
from imatfashion.masks.view import nearest

_MOST_PHOTOS = 2000
_SIDE = 128
_SHARE = 0.5


class Table(Protocol):
    """What is asked of an annotation table."""

    classes: Labels
    garment_class: npt.NDArray[np.int16]

    def __len__(self) -> int: ...

    def size(self, photo: int, /) -> tuple[int, int]:
        """Height and width of the photo's grid."""
        ...

    def garments(self, photo: int, /) -> range:
        """Garments of the photo."""
        ...

    def runs(self, garment: int, /) -> Runs:
        """Mask of the garment."""
        ...


def covered_classes(table: Table) -> BoolArray:
    """The classes whose garments mostly lie on a bigger garment of another class, bool (C,).

    A garment's share is the part of its own area that the bigger garment covering it most covers; a class is a part
    when the median of its garments' shares is at least one half. Estimated on at most 2,000 photos at 128 pixels.
    """
    shares: list[list[float]] = [[] for _ in table.classes.ids]
    step = max(1.0, len(table) / _MOST_PHOTOS)
    for photo in np.arange(0, len(table), step).astype(np.int64).tolist():
        garments = table.garments(photo)
        if not garments:
            continue
        classes = table.garment_class[garments.start : garments.stop]
        covered = _covered_shares(_paint(table, photo), classes)
        for class_index, share in zip(classes.tolist(), covered.tolist(), strict=True):
            if share >= 0:
                shares[class_index].append(share)
    return np.array([bool(values) and float(np.median(values)) >= _SHARE for values in shares], dtype=np.bool_)


def _paint(table: Table, photo: int) -> npt.NDArray[np.float32]:
    """Masks of a photo's garments on a small grid, 0 or 1, float32 (g, pixels)."""
    height, width = table.size(photo)
    rows, cols = nearest(height, min(_SIDE, height)), nearest(width, min(_SIDE, width))
    sampler = Sampler(height, width, rows, cols)
    masks = [sampler.sample(table.runs(garment)).ravel() for garment in table.garments(photo)]
    return np.stack(masks).astype(np.float32)


def _covered_shares(masks: npt.NDArray[np.float32], classes: npt.NDArray[np.int16]) -> npt.NDArray[np.float32]:
    """Largest share of each garment under one bigger garment of another class, (g,); −1 for an invisible one."""
    shared = masks @ masks.T
    area = np.diag(shared)
    bigger = (area[None, :] > area[:, None]) & (classes[None, :] != classes[:, None])
    share = np.where(bigger, shared / np.maximum(area, 1)[:, None], 0).max(axis=1)
    return np.where(area > 0, share, np.float32(-1)).astype(np.float32)
