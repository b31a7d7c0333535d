"""The score against a second implementation: dense masks, plain loops and fractions, written from the definition."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imatfashion.masks.runs import encode_mask, from_arrays
from imatfashion.metrics.competition import (
    PhotoGarments,
    match_pairs,
    mean,
    overlaps,
    photo_hits,
    photo_score,
    pooled_score,
)

# A garment here is (class, set of attributes, set of pixels).
Slow = tuple[int, frozenset[int], frozenset[int]]
NUM_ATTRIBUTES = 4
SIDE = 12


def slow_iou(a: frozenset[int], b: frozenset[int]) -> Fraction:
    return Fraction(len(a & b), len(a | b)) if a and b else Fraction(0)


def slow_hits(truth: list[Slow], submitted: list[Slow], threshold: Fraction, with_attributes: bool) -> int:
    pairs = []
    for i, left in enumerate(truth):
        for j, right in enumerate(submitted):
            pairs.append((-slow_iou(left[2], right[2]), i, j))
    used_left, used_right, hits = set(), set(), 0
    for negative_iou, i, j in sorted(pairs):
        if i in used_left or j in used_right:
            continue
        used_left.add(i)
        used_right.add(j)
        if -negative_iou > threshold and (not with_attributes or truth[i][1] == submitted[j][1]):
            hits += 1
    return hits


def slow_score(photos: list[tuple[list[Slow], list[Slow]]], with_attributes: bool) -> tuple[Fraction, Fraction]:
    """Per photo and pooled."""
    thresholds = [Fraction(50 + 5 * step, 100) for step in range(10)]
    tp, wrong = [0] * 10, [0] * 10
    photo_means = []
    for truth, submitted in photos:
        class_means = []
        for class_id in {garment[0] for garment in truth + submitted}:
            left = [garment for garment in truth if garment[0] == class_id]
            right = [garment for garment in submitted if garment[0] == class_id]
            total = Fraction(0)
            for k, threshold in enumerate(thresholds):
                hits = slow_hits(left, right, threshold, with_attributes)
                false_negatives, false_positives = len(left) - hits, len(right) - hits
                total += Fraction(hits, hits + false_positives + false_negatives)
                tp[k] += hits
                wrong[k] += false_positives + false_negatives
            class_means.append(total / 10)
        photo_means.append(sum(class_means) / len(class_means) if class_means else Fraction(1))
    pooled = sum(Fraction(t, t + w) if t + w else Fraction(1) for t, w in zip(tp, wrong, strict=True)) / 10
    return Fraction(sum(photo_means)) / len(photo_means), Fraction(pooled)


def random_photo(rng: np.random.Generator) -> tuple[list[Slow], list[Slow]]:
    """Truth, and a submission that copies, shifts, doubles, forgets and invents garments."""
    truth = [random_garment(rng) for _ in range(rng.integers(0, 6))]
    submitted = []
    for class_id, attributes, pixels in truth:
        for _ in range(rng.integers(0, 3)):
            keep = rng.random() < 0.7
            changed = pixels if keep else frozenset(p for p in pixels if rng.random() < 0.8)
            submitted.append((class_id, attributes if rng.random() < 0.7 else frozenset({0}), changed))
    submitted += [random_garment(rng) for _ in range(rng.integers(0, 3))]
    rng.shuffle(submitted)  # type: ignore[arg-type]
    return truth, submitted


def random_garment(rng: np.random.Generator) -> Slow:
    height, width = rng.integers(0, SIDE, 2)  # empty masks among them
    top, left = rng.integers(0, SIDE - height + 1), rng.integers(0, SIDE - width + 1)
    pixels = frozenset(int((left + x) * SIDE + top + y) for x in range(width) for y in range(height))
    attributes = frozenset(int(a) for a in np.flatnonzero(rng.random(NUM_ATTRIBUTES) < 0.3))
    return int(rng.integers(0, 3)), attributes, pixels


def fast(garments: list[Slow]) -> PhotoGarments:
    attributes = np.zeros((len(garments), NUM_ATTRIBUTES), dtype=np.bool_)
    runs = []
    for index, (_, owned, pixels) in enumerate(garments):
        attributes[index, list(owned)] = True
        mask = np.zeros(SIDE * SIDE, dtype=np.bool_)
        mask[list(pixels)] = True
        runs.append(encode_mask(mask.reshape((SIDE, SIDE), order="F")))
    return PhotoGarments(np.array([garment[0] for garment in garments], dtype=np.int64), attributes, runs)


@pytest.mark.parametrize("seed", range(60))
def test_agrees_with_the_slow_implementation(seed: int) -> None:
    rng = np.random.default_rng(seed)
    photos = [random_photo(rng) for _ in range(rng.integers(1, 8))]
    found = [photo_hits(fast(truth), fast(submitted)) for truth, submitted in photos]
    classes = [entry for photo in found for entry in photo]
    pooled = pooled_score(
        sum(entry.truth for entry in classes),
        sum(entry.submitted for entry in classes),
        sum((entry.hits for entry in classes), start=np.zeros((2, 10), dtype=np.int64)),
    )
    for column, with_attributes in enumerate((True, False)):
        per_photo = mean([photo_score(photo)[column] for photo in found])
        expected = slow_score(photos, with_attributes)
        assert (per_photo, pooled[column]) == pytest.approx(tuple(map(float, expected)), abs=1e-14)


pixel_sets = st.frozensets(st.integers(0, SIDE * SIDE - 1), max_size=40)


@given(left=st.lists(pixel_sets, max_size=4), right=st.lists(pixel_sets, max_size=4))
def test_overlaps_are_those_of_the_pixel_sets(left: list[frozenset[int]], right: list[frozenset[int]]) -> None:
    none: frozenset[int] = frozenset()
    sides = [fast([(0, none, pixels) for pixels in side]).runs for side in (left, right)]
    shared, union = overlaps(*sides)
    assert shared.shape == union.shape == (len(left), len(right))
    assert shared.tolist() == [[len(a & b) for b in right] for a in left]
    assert union.tolist() == [[len(a | b) for b in right] for a in left]


@pytest.mark.parametrize("twentieth", range(10, 20))
def test_an_iou_equal_to_the_threshold_is_no_hit(twentieth: int) -> None:
    def one(length: int) -> PhotoGarments:
        runs = [from_arrays([0], [length])]
        return PhotoGarments(np.zeros(1, dtype=np.int64), np.zeros((1, 1), dtype=np.bool_), runs)

    # 20 · 3 pixels of which 3 · twentieth are shared: the IoU is the threshold itself.
    (at,) = photo_hits(one(60), one(3 * twentieth))
    (above,) = photo_hits(one(60), one(3 * twentieth + 1))
    place = twentieth - 10
    assert at.hits[1].tolist() == [1] * place + [0] * (10 - place)
    assert above.hits[1].tolist() == [1] * (place + 1) + [0] * (9 - place)


def test_masks_are_matched_before_attributes_are_looked_at() -> None:
    truth = [(0, frozenset({1}), frozenset(range(10)))]
    closer = (0, frozenset({2}), frozenset(range(10)))
    right_set = (0, frozenset({1}), frozenset(range(9)))
    (found,) = photo_hits(fast(truth), fast([right_set, closer]))
    assert found.hits[0].sum() == 0
    assert found.hits[1].tolist() == [1] * 10


def test_of_equal_ious_the_earlier_rows_go_first() -> None:
    rows, cols = match_pairs(np.array([[2, 2], [2, 2]]), np.array([[4, 4], [4, 4]]))
    assert (rows.tolist(), cols.tolist()) == ([0, 1], [0, 1])


def test_a_photo_with_nothing_on_either_side_is_one() -> None:
    assert photo_score(photo_hits(fast([]), fast([]))) == (1.0, 1.0)
    assert pooled_score(0, 0, np.zeros((2, 10), dtype=np.int64)) == (1.0, 1.0)


def test_an_empty_mask_is_a_garment_that_nothing_hits() -> None:
    empty = [(0, frozenset({1}), frozenset[int]())]
    (found,) = photo_hits(fast(empty), fast(empty))
    assert (found.truth, found.submitted, found.hits.sum()) == (1, 1, 0)
    assert photo_score([found]) == (0.0, 0.0)
