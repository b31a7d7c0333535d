"""Tables looked up by maps, against plain indexing."""

from __future__ import annotations

import numpy as np
import pytest

from imatfashion.data.lookup import look_up, occurring


@pytest.mark.parametrize("count", [2, 9, 256, 257, 400])
@pytest.mark.parametrize("shape", [(1, 7, 5), (2, 3, 600), (1, 1, 1)])
def test_the_same_as_indexing(count: int, shape: tuple[int, ...]):
    rng = np.random.default_rng(count)
    keys = rng.integers(0, count, shape).astype(np.int16)
    np.testing.assert_array_equal(occurring(keys, count), np.isin(np.arange(count), keys))
    for table in (rng.integers(0, 255, count).astype(np.uint8), rng.integers(-1, 999, count).astype(np.int16)):
        found = look_up(table, keys)
        assert found.dtype == table.dtype
        np.testing.assert_array_equal(found, table[keys])
