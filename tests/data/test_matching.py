from __future__ import annotations

import numpy as np

from imatfashion.data.matching import match_garments
from imatfashion.data.targets import TargetSource
from imatfashion.masks.view import nearest


def box(height, width, top, left, bottom, right):
    mask = np.zeros((height, width), dtype=bool)
    mask[top:bottom, left:right] = True
    return mask


def test_highest_iou_of_the_class_above_one_half(make_table):
    truth = make_table(
        {"x.jpg": (40, 40, [(0, [0], box(40, 40, 0, 0, 20, 20)), (0, [1], box(40, 40, 0, 4, 20, 24)),
                            (1, [2], box(40, 40, 20, 0, 40, 20))])},
        name="truth.table",
    )  # fmt: skip
    predicted = make_table(
        {"x.jpg": (40, 40, [(0, [], box(40, 40, 0, 3, 20, 23)), (0, [], box(40, 40, 0, 12, 20, 32)),
                            (2, [], box(40, 40, 0, 0, 20, 20))])},
        name="predicted.table",
    )  # fmt: skip
    matched = match_garments(predicted, truth, 0)
    # IoU 17/23 and 19/21; 12/28 is too little; the pocket has no true one, the shirt no predicted one.
    assert matched.truth.tolist() == [1, -1, -1]
    assert matched.missed == (0, 2)
    targets = TargetSource(predicted, truth, negative=False).of_photo(0)
    assert targets.attributes.tolist() == [[False, True, False, False], [False] * 4, [False] * 4]
    assert targets.known.tolist() == [True, False, False]
    assert targets.missed_attributes.tolist() == [[True, False, False, False], [False, False, True, False]]


def test_exactly_one_half_is_not_enough(make_table):
    truth = make_table({"x.jpg": (10, 10, [(0, [0], box(10, 10, 0, 0, 10, 8))])}, name="truth.table")
    half = make_table({"x.jpg": (10, 10, [(0, [], box(10, 10, 0, 0, 10, 4))])}, name="half.table")
    assert match_garments(half, truth, 0).truth.tolist() == [-1]


def test_iou_is_taken_on_the_predicted_grid(make_table):
    rng = np.random.default_rng(0)
    mask = rng.random((33, 47)) < 0.5
    on_grid = mask[nearest(33, 16)][:, nearest(47, 16)]
    truth = make_table({"a.jpg": (8, 8, []), "x.jpg": (33, 47, [(0, [3], mask)])}, name="truth.table")
    predicted = make_table({"x.jpg": (16, 16, [(0, [], on_grid), (0, [], ~on_grid)])}, name="predicted.table")
    assert match_garments(predicted, truth, truth.find("x.jpg")).truth.tolist() == [0, -1]


def test_photo_that_was_not_predicted_misses_everything(make_table):
    truth = make_table({"x.jpg": (10, 10, [(0, [0], box(10, 10, 0, 0, 10, 8))])}, name="truth.table")
    other = make_table({"y.jpg": (10, 10, [(0, [], box(10, 10, 0, 0, 10, 8))])}, name="other.table")
    matched = match_garments(other, truth, 0)
    assert (len(matched.predicted), matched.missed) == (0, (0,))
    targets = TargetSource(other, truth, negative=False).of_photo(0)
    assert targets.table_photo is None
    assert targets.missed_attributes.tolist() == [[True, False, False, False]]


def test_open_attributes_stay_unknown_or_count_as_none(make_table):
    """A matched garment whose true one has its attributes left open is unknown, unless told otherwise."""
    full, other = box(10, 10, 0, 0, 10, 10), box(10, 10, 0, 0, 2, 2)
    truth = make_table(
        {"x.jpg": (10, 10, [(0, None, full)]), "y.jpg": (10, 10, [(0, [1], other), (1, None, full)])},
        name="truth.table",
    )
    predicted = make_table({"x.jpg": (10, 10, [(0, [], full)]), "y.jpg": (10, 10, [])}, name="predicted.table")
    for table in (truth, predicted):
        assert TargetSource(table, truth, negative=False).of_photo(0).known.tolist() == [False]
        assert TargetSource(table, truth, negative=True).of_photo(0).known.tolist() == [True]
    # The shirt's class has no attribute anywhere: it is known to have none, and missed as such.
    missed = TargetSource(predicted, truth, negative=False).of_photo(1).missed_attributes
    assert sorted(missed.sum(axis=1).tolist()) == [0, 1]
    assert TargetSource(truth, truth, negative=False).of_photo(1).missed_attributes.shape == (0, 4)
