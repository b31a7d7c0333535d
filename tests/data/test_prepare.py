from __future__ import annotations

import logging
import multiprocessing
import pickle
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from imatfashion.cli import app
from imatfashion.config.schema import AugmentConfig, DataConfig
from imatfashion.data.build import open_table
from imatfashion.data.datamodule import FashionDataModule
from imatfashion.data.dataset import FashionDataset
from imatfashion.data.photo_source import open_photos
from imatfashion.data.photos import PhotoError, decode_photo
from imatfashion.data.prepare import prepare
from imatfashion.data.prepared import BLOB, prepared_size
from imatfashion.data.render import paint_maps, render
from imatfashion.data.sources import DataFiles
from imatfashion.data.split import make_split
from imatfashion.data.views import plain_view
from imatfashion.errors import FashionError
from imatfashion.masks.runs import decode_runs

KERNEL = np.ones((3, 3), dtype=np.uint8)


def quiet_prepare(data, out, resolution, **options):
    return prepare(data, out, resolution=resolution, **{"workers": 1, "progress": False, **options})


@pytest.fixture(scope="module")
def prepared(drawn, tmp_path_factory):
    """The drawn sample at 224; tests write nothing into it."""
    out = tmp_path_factory.mktemp("prepared") / "small"
    quiet_prepare(drawn, out, 224)
    return out


@pytest.fixture
def tiny(tiny_data, tmp_path):
    """The tiny data set at 32, a copy of its own for each test."""
    quiet_prepare(tiny_data, tmp_path / "small", 32)
    return tmp_path / "small"


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_few_files(prepared, drawn):
    assert len(list(prepared.iterdir())) < 30
    assert not list(prepared.parent.glob(".*"))
    raw = sum(path.stat().st_size for path in (drawn / "train").iterdir())
    assert (prepared / BLOB).stat().st_size < raw


def test_all_but_sizes_and_runs_stays(prepared, drawn):
    raw, small = open_table(drawn), open_table(prepared)
    for name in ("photo", "class", "attributes", "known", "area", "score", "row"):
        assert np.array_equal(getattr(raw, f"garment_{name}"), getattr(small, f"garment_{name}")), name
    assert (raw.classes, raw.attributes) == (small.classes, small.attributes)
    assert [raw.name(i) for i in range(len(raw))] == [small.name(i) for i in range(len(small))]
    assert [prepared_size(*raw.size(i), 224) for i in range(len(raw))] == [small.size(i) for i in range(len(raw))]
    assert raw.layer_of_class(2) == small.layer_of_class(2)
    assert np.array_equal(raw.allowed_pairs(), small.allowed_pairs())


def test_masks_are_sampled_at_pixel_centres(prepared, drawn):
    raw, small = open_table(drawn), open_table(prepared)
    for photo in (0, 7):
        (height, width), (rows, cols) = raw.size(photo), small.size(photo)
        y, x = ((2 * np.arange(new) + 1) * old // (2 * new) for old, new in ((height, rows), (width, cols)))
        for garment in raw.garments(photo):
            full = decode_runs(raw.runs(garment), height, width)
            assert np.array_equal(decode_runs(small.runs(garment), rows, cols), full[y][:, x])


def test_labels_painted_from_either_agree_but_at_edges(prepared, drawn):
    """At least 98 % of the pixels of each photo, and all but 0.1 % of those that are not beside an edge."""
    raw, small = open_table(drawn), open_table(prepared)
    beyond = []
    for photo in range(len(raw)):
        maps = []
        for table in (raw, small):
            size = table.size(photo)
            view = plain_view(*size, 224, "squash")
            maps.append(paint_maps(table, photo, view, size, (0,) * len(table.classes))[0][0])
        differs = maps[0] != maps[1]
        assert differs.mean() <= 0.02
        edge = cv2.dilate(maps[0], KERNEL) != cv2.erode(maps[0], KERNEL)
        beyond.append((differs & ~edge).mean())
    assert np.mean(beyond) < 0.001


def test_pictures_are_nearly_those_of_the_photos(prepared, drawn):
    raw, small = open_table(drawn), open_table(prepared)
    for photo in range(len(raw)):
        pictures = []
        for table in (raw, small):
            view = plain_view(*table.size(photo), 224, "squash")
            pictures.append(render(open_photos(table).load(photo), table.size(photo), view).astype(float))
        assert np.abs(pictures[0] - pictures[1]).mean() < 4


def test_any_photo_alone_and_in_any_order(prepared):
    small = open_table(prepared)
    source = open_photos(small)
    forward = [source.load(i) for i in range(len(small))]
    assert [open_photos(small).load(i) for i in reversed(range(len(small)))] == forward[::-1]
    assert b"".join(photo.data for photo in forward) == (prepared / BLOB).read_bytes()
    for photo, encoded in enumerate(forward):
        assert decode_photo(encoded).shape[:2] == small.size(photo)
        assert encoded.path.name == small.name(photo)


@pytest.mark.parametrize("options", [{}, {"folds": 3, "fold": 1}, {"group_by": r"(\d)\.jpg"}])
def test_split_is_that_of_the_data_set(prepared, drawn, options):
    config = DataConfig(root="", **options)
    raw, small = (make_split(open_table(root), config, 5) for root in (drawn, prepared))
    assert np.array_equal(raw.train, small.train)
    assert np.array_equal(raw.val, small.val)
    assert raw.near_duplicates == small.near_duplicates


def test_near_duplicates_are_those_of_the_data_set(tiny_data, tmp_path):
    """Its photos are plain coats of two colours on noise: many are alike, and at 32 pixels might be others."""
    quiet_prepare(tiny_data, tmp_path / "small", 32)
    raw, small = open_table(tiny_data), open_table(tmp_path / "small")
    assert np.array_equal(open_photos(raw).thumbnails(), open_photos(small).thumbnails())
    assert np.array_equal(open_photos(raw).thumbnail(3), open_photos(small).thumbnail(3))
    config = DataConfig(root="")
    assert make_split(raw, config, 0).near_duplicates == make_split(small, config, 0).near_duplicates != ()


def test_turned_photos_are_upright(tiny):
    small = open_table(tiny)
    photo = small.find("p03.jpg")
    image = decode_photo(open_photos(small).load(photo))
    assert image.shape[:2] == small.size(photo) == (36, 45)
    coat = decode_runs(small.runs(small.garments(photo)[0]), 36, 45)
    assert int(image[coat].mean(axis=0).argmax()) == 1


def test_processes_do_not_change_the_result(tiny_data, tiny, tmp_path, monkeypatch):
    monkeypatch.setattr("imatfashion.data.prepare.run.CHUNK", 3)
    report = quiet_prepare(tiny_data, tmp_path / "other", 32, workers=2)
    assert contents(tmp_path / "other") == contents(tiny)
    assert (report.photos, report.garments, report.resumed, report.unreadable) == (10, 20, 0, ())
    assert report.bytes == sum(map(len, contents(tiny).values()))


def test_garment_that_vanishes_keeps_an_empty_mask(tiny_data, tmp_path):
    table = tiny_data / "train.csv"
    table.write_text(table.read_text() + "p00.jpg,2 1,60,90,2\n")  # row 1 of 60 lies between the 36
    quiet_prepare(tiny_data, tmp_path / "small", 32)
    small = open_table(tmp_path / "small")
    garment = small.garments(small.find("p00.jpg"))[-1]
    assert (small.garment_area[garment], small.runs(garment).area) == (1, 0)
    assert len(small.garment_class) == 21


def dataset(table, resolution=32, **options):
    options = {"resize": "squash", "layer_of_class": (0, 0, 0), "augment": AugmentConfig(), "seed": 1, **options}
    return FashionDataset(table, np.arange(len(table)), resolution=resolution, **options)


def same(first, second):
    return all(torch.equal(first[name], second[name]) for name in first)


def test_samples_are_the_same_whatever_process_makes_them(tiny):
    samples = dataset(open_table(tiny))
    first = samples[(1, 4)]
    data = pickle.dumps(samples)
    assert len(data) < 3000
    assert same(pickle.loads(data)[(1, 4)], first)
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert same(pool.apply(samples.__getitem__, ((1, 4),)), first)


def test_data_module_reads_it_by_itself(tiny_data, tiny, caplog):
    modules = []
    for root, resolution in ((tiny_data, 32), (tiny, 32), (tiny, 48)):
        data = FashionDataModule(
            DataConfig(root=str(root), workers=0),
            augment=AugmentConfig(),
            resolution=resolution,
            resize="squash",
            layers=2,
            batch_size=2,
            micro_batch=2,
            seed=0,
        )
        data.setup()
        modules.append(data)
    raw, small, large = modules
    assert np.array_equal(raw.train_indices, small.train_indices)
    assert raw.layer_of_class == small.layer_of_class
    batch = next(iter(small.val_dataloader()))
    assert batch["labels"].shape[1:] == (2, 32, 32)
    assert caplog.text.count("is prepared for 32 pixels: 48 enlarges it") == 1
    assert large.truth.path == small.truth.path


def test_corrupt_byte_is_a_broken_photo(tiny, caplog):
    small = open_table(tiny)
    offsets = np.load(tiny / "photo_offsets.npy")
    data = bytearray((tiny / BLOB).read_bytes())
    data[int(offsets[2] + offsets[3]) // 2] ^= 1
    (tiny / BLOB).write_bytes(data)
    with pytest.raises(PhotoError, match=rf"{BLOB}/p02.jpg cannot be read: its checksum is wrong"):
        open_photos(small).load(2)
    samples = dataset(small)
    with caplog.at_level(logging.WARNING):
        assert (samples[2]["labels"] == 255).all()
    assert samples.broken == {2}
    assert not (samples[1]["labels"] == 255).all()


def test_photo_that_cannot_be_read_stays_broken(tiny_data, tmp_path):
    path = tiny_data / "train" / "p04.jpg"
    open_table(tiny_data)
    path.write_bytes(path.read_bytes()[:300])
    report = quiet_prepare(tiny_data, tmp_path / "small", 32)
    assert report.unreadable == ("p04.jpg",)
    assert "1 photos cannot be read and will be left out of training: p04.jpg" in str(report)
    small = open_table(tmp_path / "small")
    assert len(small) == 10
    with pytest.raises(PhotoError, match="could not be read when the data was prepared"):
        open_photos(small).load(small.find("p04.jpg"))
    assert not open_photos(small).thumbnail(small.find("p04.jpg")).any()


@pytest.mark.parametrize("name", [BLOB, "photo_crc.npy", "thumbnails.npy"])
@pytest.mark.parametrize("fault", ["cut", "gone"])
def test_incomplete_copy_is_refused(tiny, name, fault):
    path = tiny / name
    if fault == "cut":
        path.write_bytes(path.read_bytes()[:-10])
    else:
        path.unlink()
    with pytest.raises(FashionError, match="copy the prepared data again"):
        open_photos(open_table(tiny)).thumbnails()


def test_file_of_another_table_is_refused(tiny):
    np.save(tiny / "photo_crc.npy", np.zeros(3, dtype=np.uint32))
    with pytest.raises(FashionError, match=r"photo_crc\.npy does not belong to its table"):
        open_photos(open_table(tiny))


def test_refusals_and_groups_are_carried_over(tiny_data, tmp_path):
    table = tiny_data / "train.csv"
    lines = table.read_text().splitlines()
    grouped = [f"{line},{'article' if line[:2] == 'Im' else line[2]}" for line in lines]
    table.write_text("\n".join([*grouped, "p00.jpg,5 1,60,90,77,0", ""]))
    quiet_prepare(tiny_data, tmp_path / "small", 32, files=DataFiles(group_by="article"))
    small = open_table(tmp_path / "small", DataFiles(group_by="article"))
    assert [small.group(i) for i in range(10)] == [small.name(i)[2] for i in range(10)]
    assert small.refused == 1
    assert "class id 77" in (small.path / "refused.csv").read_text()


def test_what_cannot_be_prepared_is_a_sentence(tiny_data, tiny, tmp_path):
    with pytest.raises(FashionError, match="resolution 8 must be"):
        quiet_prepare(tiny_data, tmp_path / "out", 8)
    with pytest.raises(FashionError, match="is prepared with another resolution"):
        quiet_prepare(tiny_data, tiny, 40)
    with pytest.raises(FashionError, match="is there already and is not prepared data"):
        quiet_prepare(tiny_data, tiny_data, 32)
    with pytest.raises(FashionError, match="is prepared at 32 already"):
        quiet_prepare(tiny, tmp_path / "out", 48)
    with pytest.raises(FashionError, match=r"data\.photos=train is not for prepared data"):
        open_table(tiny, DataFiles(photos="train"))
    assert not (tmp_path / "out").exists()


def test_done_already_is_done(tiny_data, tiny):
    before = contents(tiny)
    report = quiet_prepare(tiny_data, tiny, 32)
    assert report.resumed == 10
    assert "10 of the photos were there already" in str(report)
    assert contents(tiny) == before


def test_command_line(tiny_data, tmp_path, monkeypatch):
    out = tmp_path / "small"
    monkeypatch.setenv("FORCE_COLOR", "1")  # as a terminal, for the bar
    done = CliRunner().invoke(app, ["prepare", str(tiny_data), str(out), "--resolution", "32", "--workers", "1"])
    assert done.exit_code == 0, done.stderr
    assert done.stdout.startswith(f"10 photos and 20 garments in {out} (")
    assert done.stdout.rstrip().endswith(f"python train.py data.root={out} resolution=32")
    assert "preparing" in done.stderr
    assert "10/10" in done.stderr
    found = CliRunner().invoke(app, ["index", str(out)])
    assert found.exit_code == 0
    assert "10 photos (0 without a garment), 20 garments" in found.stdout


def test_prepared_data_can_be_prepared_smaller(prepared, tmp_path):
    quiet_prepare(prepared, tmp_path / "smaller", 64)
    large, small = open_table(prepared), open_table(tmp_path / "smaller")
    assert min(small.size(0)) == 71
    assert np.array_equal(open_photos(large).thumbnails(), open_photos(small).thumbnails())
    config = DataConfig(root="")
    assert np.array_equal(make_split(large, config, 0).val, make_split(small, config, 0).val)


def test_real_photos(shared, tmp_path):
    table = shared / "data" / "fashionpedia_sample"
    report = quiet_prepare(table, tmp_path / "small", 128, files=DataFiles(annotations="sample.json"))
    assert report.photos == 2
    small = open_table(tmp_path / "small")
    for photo in range(2):
        assert min(small.size(photo)) == 141
        assert decode_photo(open_photos(small).load(photo)).shape[:2] == small.size(photo)
