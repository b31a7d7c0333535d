from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from imatfashion.data.groups import group_keys, members, unite
from imatfashion.errors import FashionError

NAMES = ["a1_front.jpg", "a1_back.jpg", "b2_front.jpg", "other.jpg"]
NO_COLUMN = ["", "", "", ""]


def test_first_group_of_the_regex_is_the_key() -> None:
    assert group_keys(NAMES, NO_COLUMN, r"^(\w\d)_(front|back)") == ["a1", "a1", "b2", ""]


def test_a_regex_without_a_group_counts_whole() -> None:
    assert group_keys(NAMES, NO_COLUMN, r"^\w\d") == ["a1", "a1", "b2", ""]


def test_an_optional_group_that_took_no_part_is_no_key() -> None:
    assert group_keys(NAMES, NO_COLUMN, r"(a1)?") == ["a1", "a1", "", ""]


def test_a_column_goes_before_the_regex() -> None:
    column = ["x", "", "x", "y"]
    assert group_keys(NAMES, column, "article_id(") == column


def test_no_grouping() -> None:
    assert group_keys(NAMES, NO_COLUMN, None) == NO_COLUMN


def test_an_invalid_regex_is_a_sentence() -> None:
    with pytest.raises(FashionError, match=r"data.group_by='\(a' is neither a column .* unterminated subpattern"):
        group_keys(NAMES, NO_COLUMN, "(a")


def test_a_regex_that_matches_nothing_is_a_sentence() -> None:
    with pytest.raises(FashionError, match=r"'artcle' is neither a column .* matches any photo name .*'a1_front.jpg'"):
        group_keys(NAMES, NO_COLUMN, "artcle")


def test_units_follow_keys_and_pairs_through_others() -> None:
    units = unite(["a", "", "a", "", "b", ""], [(1, 2), (4, 5)])
    assert units.tolist() == [0, 0, 0, 1, 2, 2]
    assert members(units) == [[0, 1, 2], [4, 5]]


def test_no_photo_at_all() -> None:
    assert unite([], []).tolist() == []


@pytest.mark.parametrize("seed", range(5))
def test_units_are_the_connected_components(seed: int) -> None:
    pairs = np.random.default_rng(seed).integers(0, 200, (120, 2))
    units = unite([""] * 200, [(int(a), int(b)) for a, b in pairs])
    graph = coo_matrix((np.ones(120), (pairs[:, 0], pairs[:, 1])), shape=(200, 200))
    np.testing.assert_array_equal(units, connected_components(graph, directed=False)[1])
