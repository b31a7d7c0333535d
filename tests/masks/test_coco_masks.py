"""COCO counts and polygons against pycocotools; garbled ones are refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycocotools import mask as coco_mask

from imatfashion.masks.coco import parse_coco_counts, polygons_to_runs, to_coco_counts
from imatfashion.masks.runs import RunError, decode_runs, encode_mask, from_arrays


def masks(count: int = 2000):
    rng = np.random.default_rng(1)
    for index in range(count):
        shape = [(1, 30), (30, 1), (17, 23), (200, 300)][index % 4 if index % 40 else 3]
        side = rng.integers(1, 9)
        coarse = rng.random((shape[0] // side + 1, shape[1] // side + 1)) < rng.choice([0, 0.1, 0.6, 1])
        yield np.kron(coarse, np.ones((side, side), dtype=bool))[: shape[0], : shape[1]]


def test_compressed_counts_agree_with_pycocotools_both_ways():
    for mask in masks():
        counts = coco_mask.encode(np.asfortranarray(mask, dtype=np.uint8))["counts"]
        runs = parse_coco_counts(counts, *mask.shape)
        expected = encode_mask(mask)
        np.testing.assert_array_equal(runs.starts, expected.starts)
        np.testing.assert_array_equal(runs.lengths, expected.lengths)
        assert to_coco_counts(expected, *mask.shape) == counts.decode()
        assert to_coco_counts(runs, *mask.shape) == counts.decode()


def test_plain_counts_and_text_as_str():
    mask = np.zeros((6, 5), dtype=bool)
    mask[2:4, 1:3] = True
    runs = encode_mask(mask)
    text = to_coco_counts(runs, 6, 5)
    for counts in (text, text.encode(), [8, 2, 4, 2, 14]):
        np.testing.assert_array_equal(decode_runs(parse_coco_counts(counts, 6, 5), 6, 5), mask)


def test_zero_counts_join_runs():
    runs = parse_coco_counts([0, 2, 0, 3, 1, 0, 4], 2, 5)
    assert (runs.starts.tolist(), runs.lengths.tolist()) == ([0], [5])


def test_touching_runs_are_written_as_one():
    assert to_coco_counts(from_arrays([1, 3], [2, 2]), 2, 5) == to_coco_counts(from_arrays([1], [4]), 2, 5)


@pytest.mark.parametrize(
    ("counts", "reason"),
    [
        ([5, 2], "do not add up to the photo's 2 × 5 = 10 pixels"),
        ([-5, 15], "the count -5 is negative"),
        ([2**62, 2**62, 2**62, 2**62, 10], "is too large"),
        ([10**30], "is too large"),
        ([5.0, 5], "the count '5.0' is not a whole number"),
        ([True, 9], "not a whole number"),
        (["5", 5], "not a whole number"),
        ([], "do not add up"),
        ("", "break off"),
        ("oo", "break off"),
        ("\x00", "a character that does not belong"),
        ("é5", "do not add up"),
        ("ooooooooooo0", "too large"),
        ("0", "do not add up"),
    ],
)
def test_garbled_counts_are_refused(counts: object, reason: str):
    with pytest.raises(RunError) as caught:
        parse_coco_counts(counts, 2, 5)  # type: ignore[arg-type]
    assert reason in str(caught.value)


@given(st.one_of(st.text(max_size=40), st.binary(max_size=40), st.lists(st.integers(-3, 40), max_size=9)))
def test_any_counts_are_runs_or_a_reason(counts: str | bytes | list[int]):
    try:
        runs = parse_coco_counts(counts, 4, 6)
    except RunError:
        return
    np.testing.assert_array_equal(encode_mask(decode_runs(runs, 4, 6)).starts, runs.starts)


# pycocotools' decode is older than numpy's copy keyword.
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_polygons_are_rasterised_as_pycocotools_does():
    rng = np.random.default_rng(2)
    for _ in range(100):
        polygons = [(rng.random(2 * rng.integers(3, 9)) * 60 - 5).tolist() for _ in range(rng.integers(1, 4))]
        expected = coco_mask.decode(coco_mask.merge(coco_mask.frPyObjects(polygons, 40, 50))).astype(bool)
        np.testing.assert_array_equal(decode_runs(polygons_to_runs(polygons, 40, 50), 40, 50), expected)


def zigzag(corners: int, side: int) -> list[float]:
    """Corners that lie by turns at the top and the bottom of a photo."""
    return [value for i in range(corners) for value in (i % side, i % 2 * side)]


@pytest.mark.parametrize("parts", [1, 4])
def test_an_outline_that_no_garment_has_is_refused_before_it_is_walked(parts: int, monkeypatch: pytest.MonkeyPatch):
    # Also as many polygons, none of which is too long alone.
    polygons = [zigzag(100_000 // parts, 1000)] * parts
    monkeypatch.setattr(coco_mask, "frPyObjects", None)
    with pytest.raises(RunError) as caught:
        polygons_to_runs(polygons, 1000, 1000)
    assert str(caught.value) == "the polygons' edges are 100000000 pixels long together, more than 10000000"


def test_the_edge_that_closes_an_outline_counts(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("imatfashion.masks.coco._LONGEST_OUTLINE", 69)
    with pytest.raises(RunError, match="are 70 pixels long"):
        polygons_to_runs([[0, 0, 30, 0, 30, 10]], 40, 50)  # 30, 10, and 30 back
    monkeypatch.setattr("imatfashion.masks.coco._LONGEST_OUTLINE", 70)
    assert polygons_to_runs([[0, 0, 30, 0, 30, 10]], 40, 50).area


def test_a_photo_hatched_throughout_is_still_an_outline():
    assert polygons_to_runs([zigzag(3_000, 1000)], 1000, 1000).area


@pytest.mark.parametrize(
    ("polygons", "reason"),
    [
        ([], "no polygon"),
        ([[1, 2, 3, 4]], "at least three"),
        ([[1, 2, 3, 4, 5]], "at least three"),
        ([[1, 2, 3, 4, 5, 6, 7]], "at least three"),
        ([{"x": 1}], "at least three"),
        ([[1, 2, 3, 4, 5, "6"]], "'6' is not a number"),
        ([[1, 2, 3, 4, 5, float("nan")]], "is not a number"),
        ([[1, 2, 3, 4, 5, 1e9]], "far outside"),
        ([[1, 2, 3, 4, 5, 10**400]], "far outside"),
    ],
)
def test_faulty_polygons_are_refused(polygons: list[list[float]], reason: str):
    with pytest.raises(RunError) as caught:
        polygons_to_runs(polygons, 40, 50)
    assert reason in str(caught.value)
