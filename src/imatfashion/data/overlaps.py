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
_OFTEN = 0.1


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


def host_classes(table: Table, photos: npt.NDArray[np.int64]) -> tuple[tuple[int, ...], ...]:
    """For each class that is a part, the classes that it lies on; nothing for the others.

    A garment lies on a class when at least half of it is covered by a bigger garment of that class. A class is a part
    when half of its garments lie on others, and its hosts are the classes on which it lies at least in a tenth of the
    cases in which both are in the photo. Estimated on at most 2,000 photos at 128 pixels.

    Args:
        table: the annotations.
        photos: the photos that count, by index.
    """
    count = len(table.classes.ids)
    lying, beside = np.zeros((count, count), dtype=np.int64), np.zeros((count, count), dtype=np.int64)
    on_any, garments_of = np.zeros(count, dtype=np.int64), np.zeros(count, dtype=np.int64)
    step = max(1.0, len(photos) / _MOST_PHOTOS)
    for photo in photos[np.arange(0, len(photos), step).astype(np.int64)].tolist():
        garments = table.garments(photo)
        if not garments:
            continue
        classes = table.garment_class[garments.start : garments.stop].astype(np.int64)
        on_class = _lies_on(_paint(table, photo), classes, count)
        np.add.at(lying, classes, on_class)
        np.add.at(beside, classes, np.isin(np.arange(count), classes)[None, :])
        np.add.at(on_any, classes, on_class.any(axis=1))
        np.add.at(garments_of, classes, 1)
    hosts = (lying > 0) & (lying >= _OFTEN * beside) & (on_any >= _SHARE * garments_of)[:, None]
    return tuple(tuple(np.flatnonzero(row).tolist()) for row in hosts)


def _lies_on(masks: npt.NDArray[np.float32], classes: npt.NDArray[np.int64], count: int) -> BoolArray:
    """Whether each garment lies on a bigger one of each other class, bool (g, C)."""
    shared = masks @ masks.T
    area = np.diag(shared)
    lies = (area[None, :] > area[:, None]) & (shared >= _SHARE * area[:, None]) & (area > 0)[:, None]
    on_class: BoolArray = (lies.astype(np.int64) @ (classes[:, None] == np.arange(count))) > 0
    on_class[np.arange(len(classes)), classes] = False
    return on_class


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
