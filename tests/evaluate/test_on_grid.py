from __future__ import annotations

import numpy as np
import pytest

from imatfashion.evaluate.on_grid import GRID, to_grid
from imatfashion.masks.runs import encode_mask


@pytest.mark.parametrize("shape", [(1, 1), (1, 700), (700, 1), (37, 53), (512, 300), (300, 512), (900, 1301)])
@pytest.mark.parametrize("share", [0.02, 0.5, 1.0])
def test_masks_are_sampled_at_the_cell_centres(shape: tuple[int, int], share: float) -> None:
    mask = np.random.default_rng(0).random(shape) < share
    rows = [(2 * i + 1) * shape[0] // (2 * GRID) for i in range(GRID)]
    cols = [(2 * j + 1) * shape[1] // (2 * GRID) for j in range(GRID)]
    expected = encode_mask(mask[np.ix_(rows, cols)])
    (found,) = to_grid([encode_mask(mask)], *shape)
    assert (found.starts.tolist(), found.lengths.tolist()) == (expected.starts.tolist(), expected.lengths.tolist())


def test_a_mask_between_the_cell_centres_becomes_empty() -> None:
    mask = np.zeros((2000, 2000), dtype=np.bool_)
    mask[0, 0] = True  # the first centre falls on pixel 1
    (found,) = to_grid([encode_mask(mask)], 2000, 2000)
    assert (len(found.starts), found.area) == (0, 0)


def test_masks_on_the_grid_stay_as_they_are() -> None:
    runs = encode_mask(np.eye(GRID, dtype=np.bool_))
    (found,) = to_grid([runs], GRID, GRID)
    assert found is runs
