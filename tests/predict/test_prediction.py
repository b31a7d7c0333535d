"""What the Predictor returns: the same garments in every form, and what a notebook shows."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imatfashion import Predictor
from imatfashion.data.labels import Labels
from imatfashion.errors import FashionError
from imatfashion.masks.runs import Runs, encode_mask
from imatfashion.predict.pixels import as_pixels
from imatfashion.predict.prediction import Prediction
from imatfashion.predict.results import GarmentResult, PhotoResult

CLASSES = Labels((3, 10, 23), ("coat", "pocket", "shoe"), ("", "", ""))
ATTRIBUTES = Labels((2, 40), ("striped", "long"), ("", ""))
BOXES = [(2, 1, 7, 9), (3, 2, 5, 4), (0, 0, 1, 1), (8, 10, 10, 12)]  # left, top, right, bottom
KINDS = [0, 1, 2, 2]


def mask_of(box: tuple[int, int, int, int]) -> np.ndarray:
    mask = np.zeros((12, 10), dtype=bool)
    mask[box[1] : box[3], box[0] : box[2]] = True
    return mask


@pytest.fixture
def prediction() -> Prediction:
    garments = tuple(
        GarmentResult(kind, (0, 1) if kind == 0 else (), 0.5 + kind / 10, encode_mask(mask_of(box)))
        for kind, box in zip(KINDS, BOXES, strict=True)
    )
    photo = np.full((120, 100, 3), 200, dtype=np.uint8)
    return Prediction(PhotoResult("a.jpg", 12, 10, garments), photo, CLASSES, ATTRIBUTES)


def test_garments_say_the_same_as_the_columns(prediction: Prediction) -> None:
    assert len(prediction) == len(list(prediction)) == 4
    for index, garment in enumerate(prediction):
        assert prediction[index] is garment
        assert garment.name == prediction.names[index] == CLASSES.names[KINDS[index]]
        assert garment.class_id == CLASSES.ids[KINDS[index]]
        assert garment.attributes == prediction.attributes[index]
        assert garment.score == prediction.scores[index]
        assert garment.box == BOXES[index]
        np.testing.assert_array_equal(garment.mask, mask_of(BOXES[index]))
    assert prediction[0].attributes == ("striped", "long")


def test_masks_are_read_only_and_read_once(prediction: Prediction) -> None:
    assert prediction.masks.dtype == np.bool_
    assert prediction.masks is prediction.masks
    with pytest.raises(ValueError, match="read-only"):
        prediction.masks[0, 0, 0] = True


def test_the_mask_of_a_class(prediction: Prediction) -> None:
    np.testing.assert_array_equal(prediction.mask("shoe"), mask_of(BOXES[2]) | mask_of(BOXES[3]))
    prediction.mask("shoe")[:] = True  # the user's own
    assert prediction.mask("shoe").sum() == 5
    with pytest.raises(FashionError, match="knows no class 'hat'; its classes are 'coat', 'pocket', 'shoe'"):
        prediction.mask("hat")


def test_frame(prediction: Prediction) -> None:
    frame = prediction.to_frame()
    assert frame["class"].tolist() == ["coat", "pocket", "shoe", "shoe"]
    assert frame["class_id"].tolist() == [3, 10, 23, 23]
    assert frame["attributes"].tolist() == ["striped; long", "", "", ""]
    assert frame["pixels"].tolist() == [40, 4, 1, 4]
    assert frame["share"].tolist() == pytest.approx([40 / 120, 4 / 120, 1 / 120, 4 / 120])
    assert list(frame[["left", "top", "right", "bottom"]].itertuples(index=False, name=None)) == BOXES


def test_what_a_notebook_shows(prediction: Prediction) -> None:
    png = prediction._repr_png_()
    assert png is not None
    shown = np.asarray(Image.open(io.BytesIO(png)))
    np.testing.assert_array_equal(shown, prediction.picture())
    assert len(np.unique(shown.reshape(-1, 3), axis=0)) > 10
    assert repr(prediction) == "<Prediction of a.jpg: coat 0.50; pocket 0.60; shoe 0.70; shoe 0.70>"
    assert "array" not in repr(prediction[0])


def test_nothing_found() -> None:
    nothing = Prediction(PhotoResult("a.jpg", 6, 5, ()), np.zeros((6, 5, 3), np.uint8), CLASSES, ATTRIBUTES)
    assert (list(nothing), repr(nothing)) == ([], "<Prediction of a.jpg: no garment>")
    assert nothing.masks.shape == (0, 6, 5)
    assert nothing.mask("coat").shape == (6, 5)
    assert not nothing.mask("coat").any()
    assert nothing.to_frame().shape == (0, 10)
    assert nothing._repr_png_() is not None


def test_a_photo_that_could_not_be_read() -> None:
    broken = Prediction(PhotoResult("a.jpg", 6, 5, (), "it is truncated"), Path("a.jpg"), CLASSES, ATTRIBUTES)
    assert broken._repr_png_() is None
    assert repr(broken) == "<Prediction of a.jpg: it is truncated>"
    for show in (broken.plot, broken.picture):
        with pytest.raises(FashionError, match=r"a\.jpg cannot be shown: it is truncated"):
            show()


def test_a_garment_without_pixels_has_an_empty_box() -> None:
    none = GarmentResult(0, None, 0.5, Runs(np.zeros(0, np.int32), np.zeros(0, np.int32)))
    empty = Prediction(PhotoResult("a.jpg", 6, 5, (none,)), np.zeros((6, 5, 3), np.uint8), CLASSES, ATTRIBUTES)
    assert empty[0].box == (0, 0, 0, 0)
    assert empty.attributes == ((),)


def test_through_the_predictor(classes_ckpt: Path, attributes_ckpt: Path, photos: Path) -> None:
    prediction = Predictor.load(classes_ckpt, attributes_ckpt, "cpu")(photos / "a.jpg")
    frame = prediction.to_frame()
    assert len(frame) == len(prediction) > 1
    assert frame["pixels"].tolist() == prediction.masks.sum(axis=(1, 2)).tolist()
    assert prediction.masks.shape[1:] == (90, 60)
    assert prediction._repr_png_() is not None


def test_pixels_of_pictures_in_memory() -> None:
    rgb = np.random.default_rng(0).integers(0, 256, (4, 6, 3), dtype=np.uint8)
    np.testing.assert_array_equal(as_pixels(rgb), rgb)
    np.testing.assert_array_equal(as_pixels(rgb[:, ::-1]), rgb[:, ::-1])
    np.testing.assert_array_equal(as_pixels(Image.fromarray(rgb)), rgb)
    np.testing.assert_array_equal(as_pixels(rgb[..., 0]), np.repeat(rgb[..., :1], 3, axis=2))
    clear = np.concatenate([rgb, np.zeros((4, 6, 1), dtype=np.uint8)], axis=2)
    assert (as_pixels(clear) == 255).all()
    clear[..., 3] = 255
    np.testing.assert_array_equal(as_pixels(clear), rgb)


def test_a_picture_in_memory_is_turned_as_its_file_would_be(tmp_path: Path) -> None:
    rgb = np.random.default_rng(0).integers(0, 256, (4, 6, 3), dtype=np.uint8)
    turned = Image.Exif()
    turned[0x0112] = 6
    Image.fromarray(rgb).save(tmp_path / "a.png", exif=turned)
    with Image.open(tmp_path / "a.png") as image:
        np.testing.assert_array_equal(as_pixels(image), np.rot90(rgb, -1))


@pytest.mark.parametrize(
    "photo",
    [
        np.zeros((4, 6, 3)),
        np.zeros((3, 4, 6), dtype=np.uint8),
        np.zeros((4,), dtype=np.uint8),
        np.zeros((1, 4, 6, 3), dtype=np.uint8),
        np.zeros((0, 6, 3), dtype=np.uint8),
        Image.new("F", (4, 6)),
        Image.new("I;16", (4, 6)),
    ],
)
def test_what_is_no_photo_is_refused(photo: np.ndarray | Image.Image) -> None:
    with pytest.raises(FashionError, match=r"is no photo|convert it to RGB"):
        as_pixels(photo)
