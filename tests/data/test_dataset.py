from __future__ import annotations

import logging
import pickle

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from imatfashion.config.schema import AugmentConfig
from imatfashion.data.build import open_table
from imatfashion.data.collate import collate
from imatfashion.data.dataset import FashionDataset
from imatfashion.data.loaders import start_worker
from imatfashion.errors import FashionError


@pytest.fixture
def table(tiny_data):
    return open_table(tiny_data)


def dataset(annotations, **options):
    defaults = {"resolution": 32, "resize": "squash", "layer_of_class": (0, 0, 0), "augment": None, "seed": 1}
    return FashionDataset(annotations, np.arange(len(options.get("truth") or annotations)), **{**defaults, **options})


def same(first, second):
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


def test_sample_is_what_the_photo_shows(table):
    for index, sample in enumerate(dataset(table)[k] for k in range(len(table))):
        assert {name: value.dtype for name, value in sample.items() if name not in ("image", "labels")} == {
            "regions": torch.int16,
            "garment_class": torch.int64,
            "garment_attributes": torch.bool,
            "garment_known": torch.bool,
            "missed_attributes": torch.bool,
            "photo": torch.int64,
        }
        assert sample["image"].shape == (3, 32, 32)
        assert sample["labels"].shape == sample["regions"].shape == (1, 32, 32)
        assert int(sample["photo"]) == index
        number = int(table.name(index)[1:3])
        assert sorted(sample["garment_class"].tolist()) == sorted([number % 2, 2])
        # The coat's colour lies under the coat's label, in the turned photo too.
        coat = sample["labels"][0] == number % 2
        assert int(sample["image"][:, coat].float().mean(dim=1).argmax()) == number % 2
        regions = sample["regions"][0].long()
        assert torch.equal(sample["garment_class"][regions[coat]], sample["labels"][0][coat].long())
        worn = int((sample["garment_class"] != 2).nonzero())
        assert sample["garment_attributes"][worn].nonzero().flatten().tolist() == [number % 4]


def test_layers_and_padding(table):
    sample = dataset(table, layer_of_class=(0, 0, 1), resize="pad")[0]
    assert sample["labels"].shape == (2, 32, 32)
    assert (sample["labels"][:, 0] == 255).all()
    assert (sample["regions"][:, 0] == -1).all()
    assert 2 in sample["labels"][1]
    assert 2 not in sample["labels"][0]


# Python 3.12 and later warn of any fork beside threads; torch's own loader does so by default on Linux.
@pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")
@pytest.mark.parametrize(("context", "workers"), [("fork", 2), ("spawn", 1)])
def test_any_process_makes_the_same_sample(table, context, workers):
    options = {"augment": AugmentConfig(), "layer_of_class": (0, 0, 1)}
    keys = [(epoch, index) for epoch in (0, 3) for index in (4, 0, 3)]
    here = dataset(table, **options)
    expected = collate([here[key] for key in keys])
    loader = DataLoader(
        dataset(table, **options),
        batch_size=3,
        sampler=keys,
        num_workers=workers,
        collate_fn=collate,
        multiprocessing_context=context,
        worker_init_fn=start_worker,
    )
    found = list(loader)
    assert torch.equal(torch.cat([batch["image"] for batch in found]), expected["image"])
    assert torch.equal(torch.cat([batch["labels"] for batch in found]), expected["labels"])
    assert torch.equal(torch.cat([batch["garment_class"] for batch in found]), expected["garment_class"])


def test_samples_depend_on_seed_epoch_and_index_alone(table):
    augment = AugmentConfig()
    first, second = dataset(table, augment=augment), dataset(table, augment=augment)
    keys = [(0, 1), (1, 1), (0, 2)]
    forward = [first[key] for key in keys]
    backward = [second[key] for key in reversed(keys)][::-1]
    assert all(map(same, forward, backward))
    assert not torch.equal(forward[0]["image"], forward[1]["image"])
    assert not torch.equal(dataset(table, augment=augment, seed=2)[keys[0]]["image"], forward[0]["image"])
    assert same(first[1], first[(0, 1)])


def test_pickles_small(table):
    samples = dataset(table, augment=AugmentConfig())
    samples[0]
    samples.broken.add(3)
    data = pickle.dumps(samples)
    assert len(data) < 3000
    again = pickle.loads(data)
    assert same(again[(2, 5)], samples[(2, 5)])
    assert again.broken == set()
    assert again.truth is again.annotations


@pytest.mark.parametrize("fault", ["gone", "cut", "other"])
def test_photo_that_breaks_while_training_is_left_out(table, tiny_data, caplog, fault):
    path = tiny_data / "train" / table.name(2)
    if fault == "gone":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:200] if fault == "cut" else b"text")
    samples = dataset(table, augment=AugmentConfig())
    with caplog.at_level(logging.WARNING):
        first, second = samples[(0, 2)], samples[(1, 2)]
    assert same(first, second)
    assert (first["labels"] == 255).all()
    assert (first["regions"] == -1).all()
    assert first["garment_attributes"].shape == (0, 4)
    assert samples.broken == {2}
    assert len(caplog.records) == 1
    assert table.name(2) in caplog.text
    assert collate([first, samples[3]])["garment_photo"].tolist() == [1, 1]


def test_table_without_photos_is_refused(make_table):
    with pytest.raises(FashionError, match="knows no photo folder"):
        dataset(make_table({"x.jpg": (10, 10, [])}))


def test_predicted_garments_on_their_own_grid(table, make_table):
    coat = np.zeros((512, 512), dtype=bool)
    height, width = table.size(0)
    coat[10 * 512 // height : (height - 10) * 512 // height, 20 * 512 // width : 70 * 512 // width] = True
    wrong = np.zeros((512, 512), dtype=bool)
    wrong[:40, :40] = True
    photos = {table.name(0): (512, 512, [(0, [], coat), (1, [], wrong)]), table.name(1): (512, 512, [])}
    predicted = make_table(photos, kind="prediction")
    samples = dataset(predicted, truth=table)
    sample = samples[0]
    assert sorted(sample["garment_class"].tolist()) == [0, 1]
    known = {int(c): bool(k) for c, k in zip(sample["garment_class"], sample["garment_known"], strict=True)}
    assert known == {0: True, 1: False}
    truth = dataset(table)[0]
    assert torch.equal(sample["image"], truth["image"])
    coat_label, true_coat = sample["labels"][0] == 0, (truth["labels"][0] == 0) | (truth["labels"][0] == 2)
    assert (coat_label == true_coat).float().mean() > 0.98
    # The pocket was missed; nothing was found in the second photo, the third was not predicted.
    assert sample["missed_attributes"].shape == (1, 4)
    for index in (1, 2):
        assert (samples[index]["labels"] == 3).all()
        assert samples[index]["missed_attributes"].shape == (2, 4)
    assert same(pickle.loads(pickle.dumps(samples))[0], sample)
