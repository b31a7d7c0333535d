"""The Predictor in Python, and what its pieces must agree with."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from imatfashion.data.annotations import Annotations
from imatfashion.data.photos import PhotoError
from imatfashion.data.render import paint_maps
from imatfashion.data.table.writer import TableWriter
from imatfashion.data.views import plain_view
from imatfashion.errors import FashionError
from imatfashion.masks.runs import encode_mask
from imatfashion.masks.view import View
from imatfashion.models.checkpoint import load_checkpoint
from imatfashion.predict.checkpoints import labels_of
from imatfashion.predict.device import choose_device, choose_place
from imatfashion.predict.garments import FoundGarment
from imatfashion.predict.inputs import PhotoInput, read_input
from imatfashion.predict.predictor import Predictor
from imatfashion.predict.regions import Found, batches, regions_of
from imatfashion.predict.resample import label_maps
from imatfashion.predict.settings import Settings


@pytest.fixture(scope="module")
def predictor(classes_ckpt: Path, attributes_ckpt: Path) -> Predictor:
    return Predictor.load(classes_ckpt, attributes_ckpt, "cpu")


def test_prediction_of_a_file(predictor: Predictor, photos: Path) -> None:
    prediction = predictor(photos / "e.jpg")
    count = len(prediction)
    assert count > 1
    assert prediction.masks.shape == (count, 300, 200)
    assert prediction.masks.any(axis=(1, 2)).all()
    assert len(prediction.names) == len(prediction.attributes) == len(prediction.scores) == count
    assert set(prediction.names) <= {"shirt", "coat", "pocket", "shoe"}
    assert any(prediction.attributes)
    assert all(0 < score <= 1 for score in prediction.scores)


def test_a_pillow_picture_is_its_pixels(predictor: Predictor, photos: Path) -> None:
    with Image.open(photos / "a.jpg") as picture:
        pixels = np.asarray(picture.convert("RGB"))
        assert np.array_equal(predictor(picture).masks, predictor(pixels).masks)


def test_plot(predictor: Predictor, photos: Path) -> None:
    figure = predictor(photos / "b.png").plot()
    figure.canvas.draw()
    assert len(figure.axes) == 1


def test_a_turned_photo_is_seen_as_viewers_show_it(predictor: Predictor, photos: Path) -> None:
    with Image.open(photos / "g.jpg") as stored:
        shown = np.rot90(np.asarray(stored), -1)
    from_file, from_pixels = predictor(photos / "g.jpg"), predictor(np.ascontiguousarray(shown))
    assert from_file.masks.shape[1:] == (110, 50)
    # Two JPEG decoders may differ by a grey level, which moves few pixels.
    assert from_file.names[:1] == from_pixels.names[:1]
    assert np.mean(from_file.masks[0] ^ from_pixels.masks[0]) < 0.02


def test_unreadable_photos(predictor: Predictor, photos: Path) -> None:
    (broken,) = predictor.predict_photos([photos / "d_broken.jpg"])
    assert broken.problem == "it is truncated"
    assert len(broken) == 0
    assert broken.masks.shape[0] == 0
    with pytest.raises(FashionError, match="cannot be shown"):
        broken.plot()
    with pytest.raises(PhotoError, match="missing"):
        predictor(photos / "nowhere.jpg")


def test_streamed_is_one_by_one(predictor: Predictor, photos: Path) -> None:
    paths = [photos / name for name in ("e.jpg", "a.jpg", "sub/f.jpg")]
    for path, streamed in zip(paths, predictor.predict_photos(paths, batch_size=2), strict=True):
        alone = predictor(path)
        assert streamed.names == alone.names
        assert np.mean(streamed.masks ^ alone.masks) < 1e-3


def test_parts_are_cut_out_of_garments_when_nothing_may_overlap(predictor: Predictor, photos: Path) -> None:
    assert (predictor(photos / "e.jpg").masks.sum(axis=0) > 1).any()
    assert predictor(photos / "e.jpg", Settings(overlap="none")).masks.sum(axis=0).max() == 1


@pytest.mark.parametrize("strip", [16_000_000, 500])
@pytest.mark.parametrize("grid", [(32, 32), (50, 20), (7, 90), (1, 1)])
def test_squashed_maps_are_torchs_bilinear(grid: tuple[int, int], strip: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("imatfashion.predict.resample._STRIP", strip)
    scores = torch.randn(2, 6, 32, 32, generator=torch.Generator().manual_seed(0))
    maps = label_maps(scores, View.squash(300, 200, 32, 32), (300, 200), grid)
    expected = torch.nn.functional.interpolate(scores, grid, mode="bilinear", align_corners=False).softmax(dim=1)
    best = expected.max(dim=1)
    np.testing.assert_array_equal(maps.labels, best.indices.numpy())
    # Background, of class 5, may have none.
    counts = (maps.labels < 5) | (maps.confidence > 0)
    np.testing.assert_allclose(maps.confidence, np.where(counts, best.values.numpy(), 0), atol=1e-5)


def test_strips_do_not_change_maps(monkeypatch: pytest.MonkeyPatch) -> None:
    scores = torch.randn(1, 6, 32, 32, generator=torch.Generator().manual_seed(0))
    whole = label_maps(scores, View.pad(40, 90, 32), (40, 90), (120, 270))
    monkeypatch.setattr("imatfashion.predict.resample._STRIP", 20_000)
    strips = label_maps(scores, View.pad(40, 90, 32), (40, 90), (120, 270))
    np.testing.assert_array_equal(whole.labels, strips.labels)
    np.testing.assert_allclose(whole.confidence, strips.confidence, atol=1e-6)


@pytest.mark.parametrize("size", [(100, 37), (37, 100), (2, 3000)])
def test_padding_is_never_seen(size: tuple[int, int]) -> None:
    view = View.pad(*size, 32)
    inside = np.ix_(view.rows(size[0]) >= 0, view.cols(size[1]) >= 0)
    scores = torch.zeros(1, 3, 32, 32)
    scores[0, 2] = 100.0  # padding says background
    scores[0, 1][inside] = 200.0
    labels = label_maps(scores, view, size, (64, 64)).labels
    assert (labels == (1 if scores[0, 1].any() else 2)).all()


def test_padded_maps_lie_where_the_photo_is() -> None:
    # The left half of a wide photo is class 0: its border must come back at the middle.
    view = View.pad(50, 100, 64)
    scores = torch.zeros(1, 2, 64, 64)
    scores[0, 0, :, :32] = 10.0
    scores[0, 1, :, 32:] = 10.0
    labels = label_maps(scores, view, (50, 100), (50, 100)).labels[0]
    np.testing.assert_array_equal(labels, np.repeat([[0] * 50 + [1] * 50], 50, axis=0))


def test_regions_are_those_of_training(tmp_path: Path, attributes_ckpt: Path) -> None:
    spec, _ = load_checkpoint(attributes_ckpt)
    rng = np.random.default_rng(0)
    garments = []
    for index in range(6):
        y, x, h, w = rng.integers(1, 40, 4)
        mask = np.zeros((64, 64), dtype=bool)
        mask[y : y + h, x : x + w] = True
        garments.append(FoundGarment(index % 4, encode_mask(mask), 1.0, int(mask.sum()), 0))
    classes, attributes = labels_of(spec)
    with TableWriter(tmp_path / "t.table", classes=classes, attributes=attributes, meta={}) as table:
        table.photo("a.jpg", 64, 64)
        for garment in garments:
            table.garment("a.jpg", garment.class_index, None, garment.runs)
    view = plain_view(300, 170, spec.resolution, spec.resize)
    annotations = Annotations(tmp_path / "t.table")
    _, expected, visible = paint_maps(annotations, 0, view, (300, 170), spec.layer_of_class)
    regions, seen = regions_of(Found(PhotoInput("a.jpg", 300, 170, {}), (64, 64), garments), view, spec)
    owner = np.array([*seen, -1])[regions]
    np.testing.assert_array_equal(owner, np.array([*visible, -1])[expected])


def test_batches_stay_below_what_int16_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("imatfashion.predict.regions._MOST_GARMENTS", 10)
    garment = FoundGarment(0, encode_mask(np.ones((1, 1), dtype=bool)), 1.0, 1, 0)
    found = [Found(PhotoInput("a.jpg", 1, 1, {}), (1, 1), [garment] * count) for count in (4, 6, 1, 50, 3)]
    assert list(batches([0, 1, 2, 3, 4], found)) == [[0, 1], [2], [3], [4]]


def test_devices() -> None:
    assert choose_device("cpu") == torch.device("cpu")
    for name in ("gpu", "cuda:x", "cpu:0"):
        with pytest.raises(FashionError, match="not a choice"):
            choose_device(name)


def test_low_precision_finds_nearly_the_same(predictor: Predictor, classes_ckpt: Path, photos: Path) -> None:
    low = Predictor.load(classes_ckpt, device="cpu", precision="bf16-mixed")
    photo = [read_input("e.jpg", photos / "e.jpg", predictor.looks)]
    exact, rounded = (which.class_stage.scores(photo, 1)[0].scores for which in (predictor, low))
    assert rounded.dtype == torch.float32
    assert not torch.equal(rounded, exact)
    assert (rounded.softmax(1) - exact.softmax(1)).abs().mean() < 0.01


def test_precisions_that_cannot_be() -> None:
    assert choose_place("cpu").low is None
    with pytest.raises(FashionError, match="precision=16-mixed is for GPUs"):
        choose_place("cpu", "16-mixed")
    with pytest.raises(FashionError, match="precision=8 is not a choice; take one of 32-true, 16-mixed, bf16-mixed"):
        choose_place("cpu", "8")


def test_a_gpu_that_torch_cannot_use_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("imatfashion.predict.device.cuda_usable", lambda: (False, "the driver is older than torch"))
    with pytest.raises(FashionError, match=r"device=cuda.*the driver is older than torch"):
        choose_device("cuda")
