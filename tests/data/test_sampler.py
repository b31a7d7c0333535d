from __future__ import annotations

from collections import Counter

import pytest

from imatfashion.data.sampler import ShardSampler, StepSampler
from imatfashion.errors import FashionError


def steps(length, batch, micro_batch, world, epoch=0, seed=0):
    """The photos of each effective batch, gathered over ranks."""
    ranks = []
    for rank in range(world):
        sampler = StepSampler(length, batch=batch, micro_batch=micro_batch, seed=seed, rank=rank, world=world)
        sampler.set_epoch(epoch)
        keys = list(sampler)
        assert len(keys) == len(sampler)
        assert {key[0] for key in keys} == {epoch}
        ranks.append([index for _, index in keys])
    share = batch // world
    return [
        sorted(i for rank in ranks for i in rank[step * share : (step + 1) * share])
        for step in range(len(ranks[0]) // share)
    ]


@pytest.mark.parametrize("length", [1, 7, 8, 40, 43])
def test_effective_batches_do_not_depend_on_ranks_or_accumulation(length):
    expected = steps(length, 8, 8, 1)
    assert len(expected) == max(1, length // 8)
    for micro_batch, world in ((4, 1), (1, 1), (4, 2), (2, 2), (1, 4), (1, 8)):
        assert steps(length, 8, micro_batch, world) == expected


def test_micro_batches_do_not_depend_on_the_number_of_ranks():
    def micro_batches(world):
        found = []
        for rank in range(world):
            keys = list(StepSampler(32, batch=8, micro_batch=2, seed=1, rank=rank, world=world))
            found += [tuple(keys[k : k + 2]) for k in range(0, len(keys), 2)]
        return sorted(found)

    assert micro_batches(1) == micro_batches(2) == micro_batches(4)


def test_epochs_differ_and_are_permutations():
    first, second = ([i for step in steps(40, 8, 8, 1, epoch=epoch) for i in step] for epoch in (0, 1))
    assert sorted(first) == sorted(second) == list(range(40))
    orders = {tuple(map(tuple, steps(40, 8, 8, 1, epoch=e, seed=s))) for e in range(3) for s in range(3)}
    assert len(orders) == 9


def test_few_photos_wrap_around():
    (only,) = steps(3, 8, 8, 1)
    assert set(Counter(only).values()) == {2, 3}


@pytest.mark.parametrize("world", [1, 2])
@pytest.mark.parametrize("step", range(5))
def test_resumes_anywhere(world, step):
    for rank in range(world):
        options = {"batch": 8, "micro_batch": 2, "seed": 3, "rank": rank, "world": world}
        whole = StepSampler(40, **options)
        whole.set_epoch(2)
        resumed = StepSampler(40, **options)
        resumed.start_at(2, step)
        assert len(resumed) == len(whole)
        rest = list(whole)[step * 8 // world :]
        assert list(resumed) == rest
        # Lightning sets the epoch, and may iterate twice.
        resumed.set_epoch(2)
        assert list(resumed) == rest
        resumed.set_epoch(3)
        whole.set_epoch(3)
        assert list(resumed) == list(whole)


def test_contradictions_are_sentences():
    with pytest.raises(FashionError, match="no photo to train on"):
        StepSampler(0, batch=2, micro_batch=1, seed=0)
    with pytest.raises(FashionError, match=r"batch_size=8 is not a multiple of 3 photos a device × 2 devices"):
        StepSampler(9, batch=8, micro_batch=3, seed=0, world=2)


@pytest.mark.parametrize(("length", "world"), [(0, 2), (1, 2), (7, 2), (8, 3)])
def test_validation_sees_every_photo_once(length, world):
    shards = [ShardSampler(length, rank=rank, world=world) for rank in range(world)]
    assert sorted(index for shard in shards for index in shard) == list(range(length))
    for shard in shards:
        assert list(shard) == sorted(shard)
        assert len(list(shard)) == len(shard)
