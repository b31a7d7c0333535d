from __future__ import annotations

import pickle
import subprocess
import sys

import numpy as np
import pytest
import torch

from imatfashion.config.schema import AugmentConfig
from imatfashion.data.build import open_table
from imatfashion.data.copy_paste import Shown, choose, paint_masks, parts_of, paste
from imatfashion.data.dataset import FashionDataset
from imatfashion.data.render import NOBODY, OUTSIDE
from imatfashion.data.targets import GarmentTargets
from imatfashion.masks.view import View

STILL = {"flip": False, "scale": 0.0, "shift": 0.0, "rotate": 0.0, "brightness": 0.0, "contrast": 0.0}
ALWAYS = AugmentConfig(**STILL, copy_paste=1.0)


def targets(classes, first_attribute=0):
    count = len(classes)
    attributes = np.eye(8, dtype=bool)[first_attribute : first_attribute + count]
    return GarmentTargets(0, np.array(classes), attributes, np.arange(count) % 2 == 0, np.zeros((0, 8), dtype=bool))


def shown(owners, classes, colour, first_attribute=0):
    image = np.full((*owners.shape[1:], 3), colour, dtype=np.uint8)
    return Shown(image, owners.astype(np.int16), targets(classes, first_attribute))


def pixel_by_pixel(mine, donor, chosen):
    """The same, a pixel at a time."""
    image, owners = mine.image.copy(), mine.owners.copy()
    number = {old: len(mine.targets.classes) + new for new, old in enumerate(np.flatnonzero(chosen))}
    for y in range(owners.shape[1]):
        for x in range(owners.shape[2]):
            there = [int(owner) for owner in donor.owners[:, y, x] if owner >= 0]
            if there and all(chosen[owner] for owner in there) and owners[0, y, x] != OUTSIDE:
                image[y, x] = donor.image[y, x]
                owners[:, y, x] = [number.get(int(owner), NOBODY) for owner in donor.owners[:, y, x]]
    return image, owners


@pytest.mark.parametrize("layers", [1, 2])
def test_paste_against_a_loop_over_pixels(layers):
    rng = np.random.default_rng(layers)
    for _ in range(30):
        mine = shown(rng.integers(-1, 3, (layers, 7, 9)), [4, 5, 6], 10)
        donor = shown(rng.integers(-1, 4, (layers, 7, 9)), [1, 2, 3, 1], 200, first_attribute=3)
        mine.owners[:, :2] = OUTSIDE
        donor.owners[:, :, 6:] = OUTSIDE
        chosen = rng.random(4) < 0.5
        image, owners = pixel_by_pixel(mine, donor, chosen)
        before = [part.copy() for part in (mine.image, mine.owners)]
        found = paste(mine, donor, chosen)
        assert np.array_equal(found.image, image)
        assert np.array_equal(found.owners, owners)
        assert found.owners.dtype == np.int16
        assert found.targets.classes.tolist() == [4, 5, 6, *donor.targets.classes[chosen]]
        assert np.array_equal(found.targets.attributes[3:], donor.targets.attributes[chosen])
        assert np.array_equal(found.targets.known[3:], donor.targets.known[chosen])
        assert np.array_equal(mine.image, before[0])
        assert np.array_equal(mine.owners, before[1])


def test_a_garment_comes_with_what_lies_on_it():
    masks = np.zeros((4, 10, 10), dtype=bool)
    masks[0, 1:9, 1:6] = True  # a coat
    masks[1, 2:4, 2:4] = True  # its pocket
    masks[2, 6:9, 5:9] = True  # a bag that it covers a little of
    parts = parts_of(masks)
    assert np.argwhere(parts).tolist() == [[1, 0]]
    owners = np.full((2, 10, 10), NOBODY, dtype=np.int16)
    owners[0][masks[0]], owners[0][masks[2]], owners[1][masks[1]] = 0, 2, 1
    picked = {tuple(np.flatnonzero(choose(owners, parts, 2, np.random.default_rng(seed)))) for seed in range(40)}
    # Never the pocket alone, and never the fourth, which no pixel shows.
    assert picked == {(0, 1), (2,), (0, 1, 2)}
    alone = {tuple(np.flatnonzero(choose(owners, parts, 1, np.random.default_rng(seed)))) for seed in range(40)}
    assert alone == {(0, 1), (2,)}
    nobody = np.full_like(owners, NOBODY)
    assert not choose(nobody, parts, 3, np.random.default_rng(0)).any()


def test_masks_are_whole_where_others_lie_on_them(tiny_data):
    table = open_table(tiny_data)
    height, width = table.size(0)
    masks = paint_masks(table, 0, View.squash(height, width, height, width), (height, width))
    assert (
        masks.sum(axis=(1, 2)).tolist() == table.garment_area[table.garments(0).start : table.garments(0).stop].tolist()
    )


def dataset(table, augment=ALWAYS, layers=1, **options):
    chosen = options.pop("indices", np.arange(len(table)))
    defaults = {"resolution": 48, "resize": "squash", "layer_of_class": table.layer_of_class(layers), "seed": 1}
    return FashionDataset(table, chosen, augment=augment, **{**defaults, **options})


def consistent(sample, num_classes):
    """Labels, regions and garments say the same; every garment is seen."""
    regions, labels = sample["regions"].long(), sample["labels"].long()
    count = len(sample["garment_class"])
    assert torch.equal(regions[regions >= 0].unique(), torch.arange(count))
    assert torch.equal(sample["garment_class"][regions[regions >= 0]], labels[regions >= 0])
    assert ((labels[regions < 0] == num_classes) | (labels[regions < 0] == 255)).all()
    assert sample["garment_attributes"].shape[0] == sample["garment_known"].shape[0] == count


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("resize", ["squash", "pad"])
def test_samples_are_consistent_and_show_what_was_pasted(drawn, layers, resize):
    table = open_table(drawn)
    plain = dataset(table, AugmentConfig(**STILL), layers, resize=resize)
    pasted = dataset(table, ALWAYS, layers, resize=resize)
    more, kept = 0, []
    for index in range(len(table)):
        before, after = plain[(0, index)], pasted[(0, index)]
        consistent(after, len(table.classes))
        same = (before["labels"] == after["labels"]).all(dim=0)
        kept.append((before["image"] == after["image"]).all(dim=0)[same].float().mean())
        assert torch.equal(before["labels"] == 255, after["labels"] == 255)
        more += len(after["garment_class"]) - len(before["garment_class"])
    assert more > len(table) / 2
    # Where no label changed hardly any pixel did: garments of one class may cover each other.
    assert np.mean(kept) > 0.95


def test_the_pasted_garments_are_those_of_another_photo(tiny_data):
    """Each coat has its own colour and attribute, so that a pasted one is known by both."""
    table = open_table(tiny_data)
    samples = dataset(table, indices=np.arange(2))
    for index in (0, 1):
        sample = samples[(0, index)]
        # Of two photos the donor is the other one; its coat covers this one's, but for the edge.
        coats = sample["garment_class"] != 2
        assert sorted(sample["garment_class"][coats].tolist()) in ([1 - index], [0, 1])
        mine = int((sample["garment_class"] == 1 - index).nonzero())
        assert sample["garment_attributes"][mine].nonzero().flatten().tolist() == [1 - index]
        assert sample["garment_known"][mine]
        region = sample["regions"][0] == mine
        assert int(sample["image"][:, region].float().mean(dim=1).argmax()) == 1 - index


def test_a_garment_that_is_covered_disappears(make_table, tmp_path):
    from PIL import Image

    small, large = np.zeros((40, 40), dtype=bool), np.zeros((40, 40), dtype=bool)
    small[18:22, 18:22], large[5:35, 5:35] = True, True
    for name, level in (("small.jpg", 50), ("large.jpg", 200)):
        Image.fromarray(np.full((40, 40, 3), level, dtype=np.uint8)).save(tmp_path / name)
    photos = {"large.jpg": (40, 40, [(0, [1], large)]), "small.jpg": (40, 40, [(1, [2], small)])}
    table = make_table(photos, photo_dir=tmp_path)
    index = table.find("small.jpg")
    sample = dataset(table, resolution=40)[(0, index)]
    assert sample["garment_class"].tolist() == [0]
    assert sample["garment_attributes"].nonzero()[:, 1].tolist() == [1]
    consistent(sample, 3)


def test_samples_depend_on_seed_epoch_and_index_alone(drawn):
    table = open_table(drawn)
    augment = AugmentConfig(copy_paste=0.5, scale_min=0.5, scale_max=2.0, blur=0.3, grey=0.2, hue=0.05, saturation=0.3)
    first, second = dataset(table, augment, 2), pickle.loads(pickle.dumps(dataset(table, augment, 2)))
    keys = [(epoch, index) for epoch in (0, 1) for index in range(6)]
    forward = [first[key] for key in keys]
    backward = [second[key] for key in reversed(keys)][::-1]
    for one, other in zip(forward, backward, strict=True):
        assert all(torch.equal(one[name], other[name]) for name in one)
    assert not torch.equal(forward[0]["image"], forward[6]["image"])


def test_a_share_of_the_samples_is_pasted_over(drawn):
    table = open_table(drawn)
    plain = dataset(table, AugmentConfig(**STILL), resolution=32)
    half = dataset(table, AugmentConfig(**STILL, copy_paste=0.5), resolution=32)
    changed = [
        not torch.equal(plain[(0, index)]["labels"], half[(epoch, index)]["labels"])
        for epoch in range(4)
        for index in range(len(table))
    ]
    assert 0.3 < np.mean(changed) < 0.65


def test_a_donor_that_cannot_be_read_is_left_out(tiny_data):
    table = open_table(tiny_data)
    (tiny_data / "train" / table.name(1)).unlink()
    plain = dataset(table, AugmentConfig(**STILL), indices=np.arange(2))
    samples = dataset(table, indices=np.arange(2))
    assert torch.equal(samples[(0, 0)]["image"], plain[(0, 0)]["image"])
    assert samples.broken == {1}


def test_a_single_photo_has_no_other(tiny_data):
    table = open_table(tiny_data)
    alone = dataset(table, indices=np.arange(1))[(0, 0)]
    assert sorted(alone["garment_class"].tolist()) == [0, 2]


def test_prepared_data(drawn, tmp_path, repository):
    command = [
        sys.executable,
        "-m",
        "imatfashion.cli",
        "prepare",
        str(drawn),
        str(tmp_path / "p"),
        "--resolution",
        "48",
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, cwd=repository)
    assert done.returncode == 0, done.stderr
    table = open_table(tmp_path / "p")
    before, after = dataset(table, AugmentConfig(**STILL), 2), dataset(table, ALWAYS, 2)
    pairs = [(before[(0, index)], after[(0, index)]) for index in range(8)]
    for _, sample in pairs:
        consistent(sample, len(table.classes))
    assert sum(not torch.equal(one["labels"], other["labels"]) for one, other in pairs) > 4


def test_a_photo_without_garments_gives_nothing_to_paste():
    """The donor may be one: its garments are none, and so is what is pasted."""
    assert parts_of(np.zeros((0, 7, 9), dtype=bool)).shape == (0, 0)
