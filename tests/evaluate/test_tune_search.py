"""The search on planted data: what must be found, what must be left as it is, and what is measured on other photos."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from imatfashion.data.labels import Labels
from imatfashion.errors import FashionError
from imatfashion.evaluate.tune.candidates import ClassRow, Cut, MeasuredPhoto
from imatfashion.evaluate.tune.crossval import Tuned, cross_validate, deal
from imatfashion.evaluate.tune.options import GIVE_WAY, SHARES
from imatfashion.evaluate.tune.outcomes import count_outcomes
from imatfashion.evaluate.tune.tuner import Tuner
from imatfashion.evaluate.tune.write import limits_of
from imatfashion.metrics.competition import ClassHits

NO_FILLER = ClassHits(23, 0, 1, np.zeros((2, 10), dtype=np.int64))
TYPICAL = 1000
LABELS = Labels((3, 5), ("shirt", "shoe"), ("", ""))
ONE = Labels((7,), ("striped",), ("",))


def cut_of(garments: list[tuple[int, float, float]], truth: int, probability: float) -> Cut:
    """A cut of (area, score, IoU with the one true garment), in the terms of pixels."""
    areas, scores, ious = (np.array(column) for column in zip(*garments, strict=True))
    union = np.full((truth, len(garments)), 10_000, dtype=np.int64)
    shared = np.tile((ious * 10_000).astype(np.int64), (truth, 1))
    return Cut(areas, scores, shared, union, np.full((len(garments), 1), probability, dtype=np.float32))


def photo(number: int, rows: list[ClassRow]) -> MeasuredPhoto:
    return MeasuredPhoto(rows, NO_FILLER)


def row(number: int, index: int, garments: list[tuple[int, float, float]], truth: int = 1, p: float = 0.9) -> ClassRow:
    cut = cut_of(garments, truth, p)
    return ClassRow(number, index, np.ones((truth, 1), dtype=np.bool_), (cut, cut))


def tuned(photos: list[MeasuredPhoto], objective: str = "per_photo", classes: int = 2) -> tuple[Tuner, Tuned]:
    outcomes = count_outcomes(photos, [TYPICAL] * classes)
    tuner = Tuner([outcomes], objective, num_classes=classes, component_classes=(), described=True)
    return tuner, cross_validate(tuner, range(len(photos)), folds=5, seed=0)


def speckled(count: int = 40) -> list[MeasuredPhoto]:
    """A right garment of class 0 in each photo, and a small false one of class 1, which is rarely there."""
    photos = []
    for number in range(count):
        small = row(number, 1, [(60 + number, 0.9, 0.0)], truth=0)
        large = row(number, 1, [(900, 0.9, 0.8)])
        photos.append(photo(number, [row(number, 0, [(1000, 0.9, 0.8)]), large if number % 4 == 0 else small]))
    return photos


@pytest.mark.parametrize("objective", ["per_photo", "pooled", "competition"])
def test_small_false_garments_are_left_out(objective: str) -> None:
    tuner, found = tuned(speckled(), objective)
    area = tuner.options.limits(1, int(found.setting.masks[1])).area
    assert 100 <= area <= 900
    # Without the false ones every photo scores as its right garments do: IoU 0.8, six of ten thresholds.
    assert found.whole.after == pytest.approx(0.6)
    assert found.whole.low > 0
    assert found.whole.gain >= found.whole.low
    assert found.kept == ("areas",)
    assert found.parts["confidence"].gain == 0


def test_what_changes_nothing_stays_plain() -> None:
    photos = [photo(number, [row(number, 0, [(1000, 0.5 + number / 100, 0.8)])]) for number in range(24)]
    tuner, found = tuned(photos, classes=1)
    assert found.kept == ()
    assert (found.setting.masks == tuner.plain.masks).all()
    assert (found.setting.thresholds == 0.5).all()
    assert (found.whole.gain, found.whole.low, found.whole.high) == (0, 0, 0)


def never_right() -> list[MeasuredPhoto]:
    """Class 1 is found in each photo, large and sure, and is never there."""
    return [
        photo(number, [row(number, 0, [(1000, 0.9, 0.8)]), row(number, 1, [(900, 0.95, 0.0)], truth=0)])
        for number in range(40)
    ]


def test_only_the_competition_silences_a_class() -> None:
    photos = never_right()
    tuner, found = tuned(photos)
    assert (tuner.figures(found.setting, with_attributes=False) <= 0.31).all()  # the class is still there
    assert limits_of(tuner, found, LABELS, ONE)["left_out"] == []
    tuner, found = tuned(photos, "competition")
    assert found.whole.after == pytest.approx(0.6)
    assert limits_of(tuner, found, LABELS, ONE)["left_out"] == [5]  # told of, however the limits came to it


def test_a_class_that_gives_way_where_it_was_found_is_not_left_out() -> None:
    """It may be found, and be large enough, in the next photo."""
    plain = count_outcomes(speckled(8), [TYPICAL] * 2)
    right = [photo(number, [row(number, 0, [(1000, 0.9, 0.8)])]) for number in range(8)]
    given = count_outcomes(right, [], plain.options)
    tuner = Tuner([plain, given], "per_photo", num_classes=2, component_classes=(), described=True)
    assert plain.submitted[plain.rows_of(1)].any()
    setting = replace(tuner.plain, give_way=1)
    limits = limits_of(tuner, replace(tuned(speckled())[1], setting=setting, kept=("giving way",)), LABELS, ONE)
    assert (limits["left_out"], limits["give_way"]) == ([], GIVE_WAY[1])
    assert "give_way" not in limits_of(tuner, tuned(never_right())[1], LABELS, ONE)


@pytest.mark.parametrize(("count", "own"), [(6, False), (20, True)])
def test_only_a_class_in_enough_photos_has_limits_of_its_own(count: int, own: bool) -> None:
    # Class 1 has doubtful false garments; class 0 is right as often when it is doubtful, so it wants no limit.
    doubts = [row(number, 0, [(1000, 0.3 + 0.6 * (number % 2), 0.8)]) for number in range(40)]
    photos = [photo(number, [each]) for number, each in enumerate(doubts)]
    for number in range(count):
        photos[number].rows.append(row(number, 1, [(1000, 0.3, 0.0), (1000, 0.9, 0.8)]))
    tuner, found = tuned(photos)
    limits = [tuner.options.limits(index, int(found.setting.masks[index])) for index in (0, 1)]
    assert limits[0].score <= 0.3
    assert (limits[1].score > 0.3) == own


def test_half_of_what_is_right_of_a_class_stays() -> None:
    # Four right garments are large; six are as small as thirty false ones, which would pay to be left out.
    photos = []
    for number in range(40):
        small, right = number >= 4, number < 10
        garment = (300 if small else 900, 0.9, 0.8 if right else 0.0)
        photos.append(photo(number, [row(number, 0, [(1000, 0.9, 0.8)]), row(number, 1, [garment], truth=int(right))]))
    tuner, found = tuned(photos)
    assert tuner.options.limits(1, int(found.setting.masks[1])).area <= 300
    tuner, found = tuned(photos, "competition")
    assert tuner.options.limits(1, int(found.setting.masks[1])).area > 300


def test_only_the_competition_silences_an_attribute() -> None:
    photos = []
    for number in range(40):
        each = row(number, 0, [(1000, 0.9, 0.8)])
        has = np.full((1, 1), number % 8 < 3)
        photos.append(photo(number, [replace(each, truth=has)]))
    assert tuned(photos, classes=1)[1].setting.thresholds[0] <= 0.9
    assert tuned(photos, "competition", classes=1)[1].setting.thresholds[0] > 0.9


def test_half_of_what_is_right_of_an_attribute_stays() -> None:
    # Four garments surely have it; six have it, and thirty do not, at the same lower probability.
    photos = []
    for number in range(40):
        each = row(number, 0, [(1000, 0.9, 0.8)], p=0.97 if number < 4 else 0.6)
        photos.append(photo(number, [replace(each, truth=np.full((1, 1), number < 10))]))
    assert tuned(photos, classes=1)[1].setting.thresholds[0] <= 0.6
    assert tuned(photos, "competition", classes=1)[1].setting.thresholds[0] > 0.6


def test_gains_are_those_of_photos_that_were_not_tuned_on() -> None:
    # Whether a garment is right is a coin's toss: a limit that fits the photos at hand says nothing of others.
    rng = np.random.default_rng(0)
    photos = []
    for number in range(40):
        right, area, score = rng.random() < 0.5, int(rng.integers(10, 1000)), float(rng.random())
        noise = row(number, 1, [(area, score, 0.8 if right else 0.0)], truth=int(right))
        photos.append(photo(number, [row(number, 0, [(1000, 0.9, 0.8)]), noise]))
    tuner, found = tuned(photos)
    everything = np.ones(40, dtype=np.bool_)
    fitted = tuner.tune(frozenset({"areas", "confidence"}), everything)
    assert tuner.score(tuner.figures(fitted, with_attributes=False)) > found.whole.after + 0.01
    assert found.whole.low < 0 or found.kept == ()


def test_thresholds_follow_what_is_exact() -> None:
    photos = [photo(number, [row(number, 0, [(1000, 0.9, 0.8)], p=0.3)]) for number in range(40)]
    _, found = tuned(photos, classes=1)
    assert found.kept == ("attributes",)
    assert found.setting.thresholds[0] <= 0.3
    assert found.attributes is not None
    assert found.attributes.before == 0
    assert found.attributes.after == pytest.approx(0.6)
    assert found.whole.gain == 0  # masks are as they were


def test_folds() -> None:
    groups = [0, 0, 1, 2, 2, *range(3, 30)]
    fold = deal(groups, 5, seed=1)
    assert fold[0] == fold[1]
    assert fold[3] == fold[4]
    assert set(fold.tolist()) == set(range(5))
    assert (deal(groups, 5, seed=1) == fold).all()
    with pytest.raises(FashionError, match="at least 2"):
        deal(groups, 1, seed=0)
    with pytest.raises(FashionError, match="19 validation photos are too few to tune on in 5 folds, 20 are needed"):
        deal(range(19), 5, seed=0)
    with pytest.raises(FashionError, match="30 validation photos, of which 15 are no near-duplicates, are too few"):
        deal([*range(15)] * 2, 5, seed=0)


def test_the_same_seed_measures_the_same() -> None:
    first, second = tuned(speckled())[1], tuned(speckled())[1]
    assert first.whole == second.whole
    assert first.parts == second.parts


def test_the_areas_that_are_tried_rise_from_none_to_the_typical() -> None:
    assert list(SHARES) == sorted(set(SHARES))
    assert (SHARES[0], SHARES[-1]) == (0, 1)
