from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import torch

from imatfashion.config.schema import AugmentConfig
from imatfashion.data.build import open_table
from imatfashion.data.dataset import FashionDataset
from imatfashion.data.repeats import repeat_factors
from imatfashion.data.sampler import StepSampler
from tests.data.test_datamodule import module

FACTORS = np.array([1.0, 1.0, 3.0, 1.5, 1.0, 2.25, 1.0])


def by_the_paper(table, photos, threshold):
    """The same by sets, a photo and a class at a time."""
    classes = {
        photo: {
            table.classes.ids[k] for k in table.garment_class[table.garments(photo).start : table.garments(photo).stop]
        }
        for photo in photos
    }
    share = {k: sum(k in found for found in classes.values()) / len(photos) for k in table.classes.ids}
    return [max([max(1.0, (threshold / share[k]) ** 0.5) for k in classes[photo]], default=1.0) for photo in photos]


@pytest.mark.parametrize("threshold", [0.01, 0.3, 1.0])
def test_factors_against_sets(drawn, threshold):
    table = open_table(drawn)
    photos = np.arange(len(table))[::-1][: len(table) * 2 // 3]
    found = repeat_factors(table, photos, threshold)
    assert found == pytest.approx(by_the_paper(table, photos.tolist(), threshold))
    assert (found.max() > 1) == (threshold > 0.01)


def test_no_photos_have_no_factors(drawn):
    assert repeat_factors(open_table(drawn), np.zeros(0, dtype=np.int64), 0.3).shape == (0,)


def epochs(number, **options):
    sampler = StepSampler(7, **{"batch": 7, "micro_batch": 1, "seed": 2, "repeats": FACTORS, **options})
    for epoch in range(number):
        sampler.set_epoch(epoch)
        yield [index for _, index in sampler]


def test_photos_come_as_often_as_their_factors_say():
    counts = Counter(index % 7 for epoch in epochs(3000) for index in epoch)
    found = np.array([counts[photo] for photo in range(7)]) / sum(counts.values())
    assert found == pytest.approx(FACTORS / FACTORS.sum(), abs=0.01)


def test_a_repetition_is_an_index_of_its_own():
    seen = set()
    for epoch in epochs(50):
        assert len(epoch) == len(set(epoch)) == 7
        seen.update(epoch)
    assert {index // 7 for index in seen if index % 7 == 2} == {0, 1, 2}
    assert {index // 7 for index in seen if index % 7 in (0, 1, 4, 6)} == {0}


def test_with_factors_of_one_all_come_alike():
    for epoch in epochs(4, repeats=np.ones(7), batch=14):
        assert sorted(epoch) == sorted([*range(7)] * 2)


def test_resumes_in_a_repeated_epoch():
    options = {"batch": 4, "micro_batch": 2, "seed": 3, "repeats": np.tile(FACTORS, 3)}
    whole, resumed = StepSampler(21, **options), StepSampler(21, **options)
    whole.set_epoch(5)
    resumed.start_at(5, 3)
    assert list(resumed) == list(whole)[12:]


def dataset(table, **options):
    return FashionDataset(
        table,
        np.arange(len(table)),
        **{"resolution": 32, "resize": "squash", "layer_of_class": table.layer_of_class(1), "seed": 1, **options},
    )


def test_a_repetition_is_changed_otherwise(drawn):
    table = open_table(drawn)
    samples = dataset(table, augment=AugmentConfig())
    first, again = samples[(0, 3)], samples[(0, 3 + len(table))]
    assert first["photo"] == again["photo"]
    assert not torch.equal(first["image"], again["image"])


def test_the_donor_of_pasted_garments_is_drawn_by_weight(drawn):
    table = open_table(drawn)
    weights = np.ones(len(table))
    weights[4] = 1e9
    samples = dataset(table, augment=AugmentConfig(copy_paste=1.0), repeats=weights)
    rng = np.random.default_rng(0)
    assert {samples._other(0, rng) for _ in range(20)} == {4}
    others = [samples._other(4, rng) for _ in range(200)]
    assert 4 not in others
    assert len(set(others)) > 3


def test_donors_come_as_often_as_their_weights_say(drawn):
    table = open_table(drawn)
    weights = np.arange(1.0, len(table) + 1)
    samples = dataset(table, augment=AugmentConfig(copy_paste=1.0), repeats=weights)
    for index in (0, 3, len(table) - 1):
        rng = np.random.default_rng(index)
        counts = np.bincount([samples._other(index, rng) for _ in range(20_000)], minlength=len(table))
        expected = np.where(np.arange(len(table)) == index, 0.0, weights)
        assert counts / counts.sum() == pytest.approx(expected / expected.sum(), abs=0.01)


def test_the_data_module_repeats_its_training_photos_alone(drawn):
    plain, repeated = (module(drawn, micro_batch=2, repeat_rare=share) for share in (0.0, 0.9))
    for data in (plain, repeated):
        data.setup()
    assert plain.repeats is None
    assert repeated.repeats == pytest.approx(repeat_factors(repeated.truth, repeated.train_indices, 0.9))
    assert repeated.repeats.max() > 1
    length = len(repeated.train_indices)
    assert repeated.steps_per_epoch == plain.steps_per_epoch
    assert max(index for _, index in plain.train_dataloader().sampler) < length
    assert max(index for _, index in repeated.train_dataloader().sampler) >= length
    assert repeated.val_dataset().repeats is None
    seen = [photo for batch in repeated.val_dataloader() for photo in batch["photo"].tolist()]
    assert seen == repeated.val_indices.tolist()
