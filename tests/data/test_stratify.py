from __future__ import annotations

import time

import numpy as np
import numpy.typing as npt
import pytest

from imatfashion.data.stratify import UnitLabels, count_labels, stratify


def _photos(photos: int, labels: int, seed: int = 0) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Photo and label of each pair: labels from ubiquitous to rare, as garments and attributes are."""
    rng = np.random.default_rng(seed)
    photo, label = np.nonzero(rng.random((photos, labels)) < rng.beta(0.3, 4, labels))
    return photo, label


def _unevenness(part: npt.NDArray[np.int64], photo: npt.NDArray[np.int64], label: npt.NDArray[np.int64]) -> float:
    """Mean over labels of the share of the label that part 1 has too many or too few, against a fifth."""
    total = np.bincount(label)
    mine = np.bincount(label[part[photo] == 1], minlength=len(total))
    return float(np.mean(np.abs(mine - 0.2 * total)[total >= 5] / total[total >= 5]))


def test_counts_photos_of_each_unit_and_label_once() -> None:
    labels = count_labels(np.array([0, 0, 1]), np.array([0, 0, 1, 2, 2]), np.array([70, 70, 70, 5, 70]))
    assert labels.sizes.tolist() == [2, 1]
    entries = zip(labels.units.tolist(), labels.labels.tolist(), labels.counts.tolist(), strict=True)
    assert list(entries) == [(0, 1, 2), (1, 0, 1), (1, 1, 1)]


@pytest.mark.parametrize("grouped", [False, True])
def test_is_far_more_even_than_a_random_split(grouped: bool) -> None:
    photo, label = _photos(2000, 60)
    rng = np.random.default_rng(1)
    unit = np.unique(np.sort(rng.integers(0, 1200, 2000)), return_inverse=True)[1] if grouped else np.arange(2000)
    part = stratify(count_labels(unit, photo, label), [0.8, 0.2], seed=0)[unit]
    by_lot = [_unevenness((rng.random(unit.max() + 1) < 0.2)[unit].astype(int), photo, label) for _ in range(20)]
    assert _unevenness(part, photo, label) < 0.35 * min(by_lot)
    assert abs((part == 1).sum() - 400) <= 10


def test_every_fold_has_its_share_of_every_label() -> None:
    photo, label = _photos(1000, 40)
    part = stratify(count_labels(np.arange(1000), photo, label), [0.2] * 5, seed=3)
    total = np.bincount(label)
    for fold in range(5):
        mine = np.bincount(label[part[photo] == fold], minlength=len(total))
        assert np.abs(mine - total / 5).max() <= 4
    assert np.abs(np.bincount(part) - 200).max() <= 5


def test_a_label_of_two_photos_is_trained_on() -> None:
    photo, label = np.arange(100), np.array([1, 1] + [0] * 98)
    for seed in range(20):
        part = stratify(count_labels(np.arange(100), photo, label), [0.8, 0.2], seed)
        assert part[:2].tolist() == [0, 0]


def test_photos_without_labels_are_shared_out_too() -> None:
    nothing = np.array([], dtype=np.int64)
    part = stratify(count_labels(np.arange(50), nothing, nothing), [0.8, 0.2], seed=0)
    assert np.bincount(part).tolist() == [40, 10]


def test_same_seed_same_parts_another_seed_others() -> None:
    labels = count_labels(np.arange(300), *_photos(300, 20))
    first = stratify(labels, [0.5, 0.5], seed=7)
    np.testing.assert_array_equal(first, stratify(labels, [0.5, 0.5], seed=7))
    assert (first != stratify(labels, [0.5, 0.5], seed=8)).any()


@pytest.mark.parametrize("sizes", [[1, 1], [100, 1], [1, 1, 1], [50, 30, 1, 1]])
def test_no_part_is_empty(sizes: list[int]) -> None:
    nothing = np.array([], dtype=np.int64)
    labels = UnitLabels(np.array(sizes), nothing, nothing, nothing)
    assert set(stratify(labels, [0.9, 0.1], seed=0)) == {0, 1}


def test_too_few_units() -> None:
    labels = count_labels(np.zeros(9, dtype=np.int64), np.arange(9), np.zeros(9, dtype=np.int64))
    with pytest.raises(ValueError, match="1 units cannot fill 2 parts"):
        stratify(labels, [0.8, 0.2], seed=0)


def test_time_grows_with_the_photos_not_with_their_square() -> None:
    photo, label = _photos(10_000, 138)
    started = time.process_time()
    stratify(count_labels(np.arange(10_000), photo, label), [0.8, 0.2], seed=0)
    assert time.process_time() - started < 5  # 0.2 s on one core; a quadratic search takes minutes
