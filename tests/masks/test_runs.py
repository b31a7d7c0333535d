"""The run codec against pycocotools and plain numpy; every reason for refusal."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from pycocotools import mask as coco_mask

from imatfashion.masks.runs import RunError, Runs, decode_runs, encode_mask, format_runs, from_arrays, parse_runs

MASKS = 10_000


def random_masks(seed: int = 0):
    rng = np.random.default_rng(seed)
    for index in range(MASKS):
        height, width = (int(v) for v in rng.integers(1, 24, 2))
        kind = index % 8
        height = 1 if kind == 0 else height
        width = 1 if kind == 1 else width
        mask = rng.random((height, width)) < rng.random()
        if kind in (2, 3):
            mask[:] = kind == 2
        if kind in (4, 5):
            mask[:] = kind == 5
            mask[rng.integers(height), rng.integers(width)] ^= True
        yield mask


def coco_runs(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Runs by way of COCO's own counts, undone here by their definition, apart from the package's reader."""
    text = coco_mask.encode(np.asfortranarray(mask, dtype=np.uint8))["counts"].decode()
    counts: list[int] = []
    value = place = 0
    for character in text:
        digit = ord(character) - 48
        value |= (digit & 31) << (5 * place)
        place += 1
        if not digit & 32:
            value -= (1 << (5 * place)) if digit & 16 else 0
            counts.append(value + (counts[-2] if len(counts) > 2 else 0))
            value = place = 0
    ends = np.cumsum(counts)
    return ends[:-1:2], np.array(counts[1::2])


def test_codec_agrees_with_pycocotools_on_ten_thousand_masks():
    for mask in random_masks():
        height, width = mask.shape
        starts, lengths = coco_runs(mask)
        runs = encode_mask(mask)
        np.testing.assert_array_equal(runs.starts, starts)
        np.testing.assert_array_equal(runs.lengths, lengths)
        assert runs.starts.dtype == runs.lengths.dtype == np.int32
        text = format_runs(runs)
        assert text == " ".join(f"{s + 1} {n}" for s, n in zip(starts, lengths, strict=True))
        back = decode_runs(parse_runs(text, height, width), height, width)
        np.testing.assert_array_equal(back, mask)
        assert runs.area == mask.sum()


@given(hnp.arrays(np.bool_, hnp.array_shapes(min_dims=2, max_dims=2, max_side=9)))
def test_decode_undoes_encode(mask: np.ndarray):
    np.testing.assert_array_equal(decode_runs(encode_mask(mask), *mask.shape), mask)


@given(st.text(max_size=30))
def test_any_text_is_runs_or_a_reason(text: str):
    try:
        runs = parse_runs(text, 5, 7)
    except RunError:
        return
    assert decode_runs(runs, 5, 7).sum() == runs.area


def test_counting_is_down_the_columns_from_one():
    mask = decode_runs(parse_runs("2 2 7 1", 3, 3), 3, 3)
    np.testing.assert_array_equal(mask, [[0, 0, 1], [1, 0, 0], [1, 0, 0]])


def test_disjoint_runs_out_of_order_are_sorted():
    assert format_runs(parse_runs("7 1 2 2", 3, 3)) == "2 2 7 1"


def test_any_white_space_separates_numbers():
    assert format_runs(parse_runs("\t2 2\n7\u001c1  ", 3, 3)) == "2 2 7 1"


def test_touching_runs_are_one_mask():
    np.testing.assert_array_equal(decode_runs(parse_runs("1 2 3 2", 2, 2), 2, 2), np.ones((2, 2)))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("1 2 3", "3 numbers, an odd count"),
        ("1 x", "'x' is not a whole number"),
        ("1.0 2", "'1.0' is not a whole number"),
        ("1 1e1", "'1e1' is not a whole number"),
        ("1 nan", "'nan' is not a whole number"),
        ("1 ٣", "'٣' is not a whole number"),
        ("1\u00a05", "parted by characters that are no plain spaces"),
        ("-1 2", "the number -1 is negative"),
        ("1 -2", "the number -2 is negative"),
        ("1 99999999999", "the number 99999999999 is too large"),
        (f"1 {2**64 + 1}", "the number 18446744073709551617 is too large"),
        ("1\t99999999999", "the number 99999999999 is too large"),
        ("0 2", "the start 0 is below 1"),
        ("1 0", "the length 0 is below 1"),
        ("13 1", "the run 13 1 ends past the photo's 3 × 4 = 12 pixels"),
        ("12 2", "the run 12 2 ends past the photo's"),
        ("1 9999999999", "ends past"),
        ("9999999999 1", "ends past"),
        ("1 3 3 1", "the runs at 1 and 3 overlap"),
        ("5 2 5 2", "the runs at 5 and 5 overlap"),
        ("3 1 1 3", "the runs at 1 and 3 overlap"),
    ],
)
def test_refusals(text: str, reason: str):
    with pytest.raises(RunError) as caught:
        parse_runs(text, 3, 4)
    assert reason in str(caught.value)


def test_order_matters_where_the_format_asks_for_it():
    parse_runs("1 1 3 1", 3, 4, sorted_only=True)
    with pytest.raises(RunError, match="not in rising order"):
        parse_runs("3 1 1 1", 3, 4, sorted_only=True)


def test_an_empty_cell_is_an_empty_mask():
    runs = parse_runs("  ", 3, 4)
    assert runs.area == 0
    assert not decode_runs(runs, 3, 4).any()
    assert format_runs(runs) == ""


def test_the_last_pixel_of_the_largest_photo_can_be_counted():
    side = 46_340
    runs = parse_runs(f"{side * side} 1", side, side)
    assert runs.starts[0] == side * side - 1
    assert format_runs(runs) == f"{side * side} 1"


def test_area_does_not_overflow():
    runs = from_arrays([0, 2**31 - 2], [2**31 - 2, 1])
    assert isinstance(runs, Runs)
    assert runs.area == 2**31 - 1
