"""Predicted garments as the attribute network's regions, painted the way training paints them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from imatfashion.data.render import NOBODY, OUTSIDE, OwnerArray, maps_of_owners, num_layers
from imatfashion.masks.paint import Sampler
from imatfashion.masks.view import View
from imatfashion.models.spec import ModelSpec
from imatfashion.predict.garments import FoundGarment
from imatfashion.predict.inputs import PhotoInput

_MOST_GARMENTS = 32_000
"""Garments of one batch: they are numbered in int16."""


class Found(NamedTuple):
    """A photo's garments on its output grid, whose height and width are `grid`."""

    input: PhotoInput
    grid: tuple[int, int]
    garments: list[FoundGarment]


def batches(indices: Sequence[int], found: Sequence[Found]) -> Iterator[list[int]]:
    """Photos together as long as their garments can be numbered."""
    batch: list[int] = []
    garments = 0
    for index in indices:
        count = min(len(found[index].garments), _MOST_GARMENTS)
        if batch and garments + count > _MOST_GARMENTS:
            yield batch
            batch, garments = [], 0
        batch.append(index)
        garments += count
    if batch:
        yield batch


def regions_of(found: Found, view: View, spec: ModelSpec) -> tuple[OwnerArray, npt.NDArray[np.int64]]:
    """Regions as training paints them: int16 (L, h, w), index into the second (−1 none), and the visible garments."""
    photo, grid = found.input, found.grid
    rows, cols = view.rows(photo.height, grid[0]), view.cols(photo.width, grid[1])
    owners = np.full((num_layers(spec.layer_of_class), len(rows), len(cols)), NOBODY, dtype=np.int16)
    owners[:, rows < 0, :] = OUTSIDE
    owners[:, :, cols < 0] = OUTSIDE
    sampler = Sampler(*grid, rows, cols)
    largest_first = np.argsort([-garment.area for garment in found.garments], kind="stable")[:_MOST_GARMENTS]
    for place, index in enumerate(largest_first.tolist()):
        garment = found.garments[index]
        sampler.paint(owners[spec.layer_of_class[garment.class_index]], garment.runs, place)
    classes = np.array([found.garments[index].class_index for index in largest_first])
    _, regions, places = maps_of_owners(owners, classes, len(spec.class_ids))
    return regions, largest_first[places]
