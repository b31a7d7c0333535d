"""The guided filter: against plain numpy, and by what it is for."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
import torch

from imatfashion.masks.view import View
from imatfashion.predict.guided_filter import follow_edges, guided_filter

FloatArray = npt.NDArray[np.float64]
RADIUS, SMOOTHNESS = (3, 2), 0.01


def window(values: FloatArray, row: int, column: int) -> FloatArray:
    """What lies in the window around a pixel, (planes, pixels)."""
    down, right = RADIUS
    part = values[:, max(0, row - down) : row + down + 1, max(0, column - right) : column + right + 1]
    return part.reshape(len(values), -1)


def fit(values: FloatArray, guide: FloatArray, row: int, column: int) -> tuple[FloatArray, FloatArray]:
    """Slopes (K, 3) and offsets (K,) of the ridge regression of a window's values on its colours."""
    wanted, colours = window(values, row, column), window(guide, row, column)
    centred = colours - colours.mean(axis=1, keepdims=True)
    covariance = centred @ centred.T / colours.shape[1] + SMOOTHNESS * np.eye(3)
    slopes = np.linalg.solve(covariance, centred @ wanted.T / colours.shape[1]).T
    return slopes, wanted.mean(axis=1) - slopes @ colours.mean(axis=1)


def by_the_book(values: FloatArray, guide: FloatArray) -> FloatArray:
    """One regression a window; each pixel takes the mean of those of the windows around it."""
    height, width = guide.shape[1:]
    fits = [[fit(values, guide, row, column) for column in range(width)] for row in range(height)]
    slopes = np.array([[each[0].ravel() for each in row] for row in fits]).transpose(2, 0, 1)
    offsets = np.array([[each[1] for each in row] for row in fits]).transpose(2, 0, 1)
    out = np.empty_like(values)
    for row in range(height):
        for column in range(width):
            slope = window(slopes, row, column).mean(axis=1).reshape(-1, 3)
            out[:, row, column] = slope @ guide[:, row, column] + window(offsets, row, column).mean(axis=1)
    return out


@pytest.mark.parametrize("seed", range(3))
def test_it_is_the_papers(seed: int) -> None:
    rng = np.random.default_rng(seed)
    guide = rng.uniform(size=(3, 4, 3)).repeat(3, axis=1).repeat(3, axis=2) + rng.normal(scale=0.05, size=(3, 12, 9))
    values = rng.uniform(size=(4, 12, 9))
    values /= values.sum(axis=0)
    tensors = (torch.from_numpy(array).float() for array in (values, guide))
    found = guided_filter(*tensors, RADIUS, SMOOTHNESS)
    np.testing.assert_allclose(found, by_the_book(values, guide), atol=2e-5)
    np.testing.assert_allclose(found.sum(dim=0), 1, atol=2e-5)


def test_labels_move_to_the_edge() -> None:
    """The photo's edge lies a column beside the scores'."""
    guide = torch.full((240, 240, 3), 60, dtype=torch.uint8)
    guide[:, 119:] = 200
    scores = torch.full((2, 3, 240, 240), -3.0)
    scores[0, 0, :, :120], scores[0, 1, :, 120:] = 3.0, 3.0
    scores[1] = scores[0].flip(0)
    found = follow_edges(scores, guide, View.squash(240, 240, 240, 240), (240, 240)).argmax(dim=1)
    for labels, (left, right) in zip(found, ((0, 1), (2, 1)), strict=True):
        assert set(labels[:, :119].flatten().tolist()) == {left}
        assert set(labels[:, 119:].flatten().tolist()) == {right}


def test_a_window_is_a_part_of_the_photo() -> None:
    """As many of the photo's pixels, however large it is shown."""
    rng = torch.Generator().manual_seed(0)
    guide = torch.randint(0, 256, (60, 60, 3), generator=rng, dtype=torch.uint8)
    scores = torch.randn(1, 3, 60, 60, generator=rng)
    whole, quarter = View.squash(600, 600, 60, 60), View(0, 0, 300, 300, 60, 60)
    planes, colours = scores[0].softmax(dim=0), guide.permute(2, 0, 1) / 255
    for view, radius in ((whole, 1), (quarter, 2)):
        expected = guided_filter(planes, colours, (radius, radius), 0.001).clamp(1e-12, 1).log()
        torch.testing.assert_close(follow_edges(scores, guide, view, (600, 600))[0], expected)
