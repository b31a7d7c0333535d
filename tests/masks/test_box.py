from __future__ import annotations

import numpy as np
import pytest

from imatfashion.masks.box import box_of


@pytest.mark.parametrize("seed", range(20))
def test_a_box_holds_the_mask_and_is_no_larger(seed: int) -> None:
    rng = np.random.default_rng(seed)
    mask = rng.random((rng.integers(1, 6), rng.integers(1, 6))) < 0.2
    rows, columns = np.nonzero(mask)
    expected = np.zeros_like(mask)
    if mask.any():
        expected[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1] = True
    inside = np.zeros_like(mask)
    inside[box_of(mask)] = True
    np.testing.assert_array_equal(inside, expected)
