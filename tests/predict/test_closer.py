"""Networks that were trained on the part of a photo that its garments are in: two looks, against plain numpy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from imatfashion.config.schema import PredictConfig
from imatfashion.data.crop import crop_around
from imatfashion.data.render import render_image
from imatfashion.masks.box import box_of_runs
from imatfashion.masks.runs import decode_runs, encode_mask
from imatfashion.masks.view import View
from imatfashion.models.checkpoint import load_checkpoint
from imatfashion.models.segmenter import ABSENT
from imatfashion.predict.closer import found_crop
from imatfashion.predict.guided_filter import LEAST, follow_edges
from imatfashion.predict.inputs import image_input
from imatfashion.predict.looks import LookOptions
from imatfashion.predict.predictor import Predictor
from imatfashion.predict.regions import Found
from imatfashion.predict.resample import bring
from imatfashion.predict.run import run_prediction
from imatfashion.predict.settings import Settings

Make = Callable[..., PredictConfig]
Save = Callable[..., Path]
SIDE = 64


class Colours(torch.nn.Module):
    """Finds classes by the colour of the pixel alone: nothing where a photo is grey."""

    def forward(self, image_BCHW: torch.Tensor) -> torch.Tensor:
        red, green, blue = image_BCHW.unbind(1)
        scores = torch.full((len(image_BCHW), 2, 5, *image_BCHW.shape[2:]), ABSENT)
        for index, score in enumerate((red, green)):
            scores[:, 0, index] = score - 0.3
        scores[:, 0, 3], scores[:, 1, 2] = blue - 0.3, red + green - 0.6
        scores[:, :, 4] = 0.0
        return scores


@pytest.fixture(scope="module")
def closer_ckpt(tmp_path_factory: pytest.TempPathFactory, classes_ckpt: Path, save: Save) -> Path:
    spec, _ = load_checkpoint(classes_ckpt)
    return save(tmp_path_factory.mktemp("closer") / "best.ckpt", replace(spec, crop="garments"), 5)


def load(*arguments: object, options: LookOptions | None = None) -> Predictor:
    """A predictor whose segmenters find by colours."""
    predictor = Predictor.load(*arguments, options=options)  # type: ignore[arg-type]
    for stage in predictor.class_stage.stages:
        stage.network = Colours()
    return predictor


def scores_of(image: np.ndarray) -> torch.Tensor:
    values = (torch.tensor(image.copy()).permute(2, 0, 1)[None] / 255 - 0.5) / 0.25
    out: torch.Tensor = Colours()(values)[0]
    return out


def street(seed: int = 0) -> np.ndarray:
    """A grey photo with a patterned part."""
    photo = np.full((240, 180, 3), 128, dtype=np.uint8)
    photo[80:180, 50:110] = (
        np.random.default_rng(seed).integers(0, 256, (10, 6, 3), dtype=np.uint8).repeat(10, 0).repeat(10, 1)
    )
    return photo


def labels_of(predictor: Predictor, photo: np.ndarray, settings: Settings) -> np.ndarray:
    height, width = (settings.side, settings.side) if settings.side else photo.shape[:2]
    maps = np.full((2, height, width), 4)
    for garment in predictor(photo, settings).result.garments:
        layer = int(garment.class_index == 2)
        maps[layer][decode_runs(garment.runs, height, width)] = garment.class_index
    return maps


def test_scores_say_where_to_look() -> None:
    scores = torch.zeros(2, 3, 50, 40)
    scores[:, 2] = 1.0
    scores[0, 0, 10:30, 8:16] = 2.0
    scores[1, 1, 20:35, 8:20] = 2.0
    assert found_crop(scores, View.squash(100, 80, 50, 40), (100, 80)) == (15, 13, 60, 30)
    # In a padded view of a wide photo the first rows are none of it.
    assert found_crop(scores, View.pad(30, 100, 50), (30, 100)) == (0, 13, 30, 30)


def test_padding_is_none_of_the_photo() -> None:
    scores = torch.zeros(1, 2, 50, 50)
    scores[:, 1] = 1.0
    scores[0, 0, 20:30, 20:25] = 2.0
    view = View.pad(30, 100, 50)
    plain = found_crop(scores, view, (30, 100))
    scores[0, 0, :17] = scores[0, 0, 33:] = 2.0
    assert found_crop(scores, view, (30, 100)) == plain
    scores[0, 0, 17:33] = 0.0
    assert found_crop(scores, view, (30, 100)) is None


def test_nothing_found_is_the_whole_photo() -> None:
    scores = torch.zeros(1, 3, 8, 8)
    scores[:, 2] = 1.0
    assert found_crop(scores, View.squash(100, 80, 8, 8), (100, 80)) is None


def test_stray_pixels_do_not_widen_it() -> None:
    scores = torch.zeros(1, 2, 100, 100)
    scores[:, 1] = 1.0
    scores[0, 0, 20:80, 20:80] = 2.0
    plain = found_crop(scores, View.squash(100, 100, 100, 100), (100, 100))
    scores[0, 0, 0, 0] = 2.0
    assert found_crop(scores, View.squash(100, 100, 100, 100), (100, 100)) == plain


@pytest.mark.parametrize("side", [SIDE, None])
@pytest.mark.parametrize("aspect", [1.0, 2.0])
def test_the_second_look_decides(
    tmp_path: Path, classes_ckpt: Path, save: Save, side: int | None, aspect: float
) -> None:
    spec, _ = load_checkpoint(classes_ckpt)
    checkpoint = save(tmp_path / "best.ckpt", replace(spec, crop="garments", aspect=aspect), 5)
    out = {1.0: (64, 64), 2.0: (96, 32)}[aspect]
    photo = street()
    size = photo.shape[:2]
    whole = View.squash(*size, *out)
    first = scores_of(render_image(photo, size, whole))
    crop = found_crop(first, whole, size)
    assert crop is not None
    view = View(*crop, *out)
    scores = scores_of(render_image(photo, size, view))
    grid = (side, side) if side else size
    expected = np.full((2, *grid), 4)
    rows = (np.arange(grid[0]) + 0.5) * size[0] / grid[0]
    columns = (np.arange(grid[1]) + 0.5) * size[1] / grid[1]
    # Bilinear interpolation of the crop's scores, by torch's own sampler, at the grid's centres.
    down = torch.tensor(2 * (rows - crop.top) / crop.height - 1, dtype=torch.float32)
    right = torch.tensor(2 * (columns - crop.left) / crop.width - 1, dtype=torch.float32)
    places = torch.stack(torch.meshgrid(right, down, indexing="xy"), dim=-1)[None].expand(2, -1, -1, -1)
    sampled = torch.nn.functional.grid_sample(scores, places, padding_mode="border", align_corners=False).argmax(1)
    inside = (down.abs() < 1)[:, None] & (right.abs() < 1)[None]
    expected[:, inside.numpy()] = sampled[:, inside].numpy()
    found = labels_of(load(checkpoint), photo, Settings(side=side, components="no"))
    assert crop.height < size[0]
    assert crop.width < size[1]
    assert np.mean(found != expected) < 2e-3
    assert 0.02 < np.mean(found != 4) < 0.5


def test_several_looks_share_the_crop(closer_ckpt: Path, classes_ckpt: Path) -> None:
    photo, settings = street(1), Settings(side=SIDE, components="no")
    plain = labels_of(load(closer_ckpt), photo, settings)
    twice = labels_of(load([closer_ckpt, closer_ckpt]), photo, settings)
    assert np.mean(plain != twice) < 1e-3
    options = LookOptions(flip=True, scales=(0.75, 1.0))
    averaged = load([closer_ckpt, classes_ckpt], options=options)
    assert labels_of(averaged, photo, settings).shape == plain.shape
    (framed,) = averaged.class_stage.scores([image_input("a", photo, averaged.looks)], 1)
    assert framed.view.out_height == 64
    assert framed.view.height < photo.shape[0]
    assert framed.view.width < photo.shape[1]
    own = load(closer_ckpt, options=LookOptions(own_aspect=True))
    assert labels_of(own, photo, settings).shape == plain.shape


@pytest.mark.parametrize("options", [LookOptions(), LookOptions(guided_filter=True), LookOptions(own_aspect=True)])
def test_a_network_of_whole_photos_beside_one_of_crops_sees_the_whole_photo(
    closer_ckpt: Path, classes_ckpt: Path, options: LookOptions
) -> None:
    photo = street(2)
    size = photo.shape[:2]
    both = load([classes_ckpt, closer_ckpt], options=options)
    (framed,) = both.class_stage.scores([image_input("a", photo, both.looks)], 1)
    alone = [load(each, options=replace(options, guided_filter=False)) for each in (classes_ckpt, closer_ckpt)]
    single = [each.class_stage.scores([image_input("a", photo, each.looks)], 1)[0] for each in alone]
    assert single[0].view.height == size[0] > single[1].view.height
    shares = [bring(scores.softmax(1), view, size, framed.view) for scores, view in single]
    expected = ((shares[0] + shares[1]) / 2).clamp_min(LEAST).log()
    if options.guided_filter:
        guide = torch.from_numpy(render_image(photo, size, framed.view))
        expected = follow_edges(expected, guide, framed.view, size)
    torch.testing.assert_close(framed.scores, expected, atol=1e-4, rtol=1e-4)


def test_batches_and_parts_change_nothing(
    config: Make, tmp_path: Path, closer_ckpt: Path, attributes_ckpt: Path, save: Save
) -> None:
    spec, _ = load_checkpoint(attributes_ckpt)
    described = save(tmp_path / "attributes.ckpt", replace(spec, crop="garments"), 6)
    one = config(classes_ckpt=str(closer_ckpt), attributes_ckpt=str(described), output="a.csv")
    run_prediction(one)
    assert Path(one.output).read_text().count("\n") > 6
    other = replace(one, batch_size=3, workers=1, output=str(tmp_path / "b.csv"))
    run_prediction(other)
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()


def test_the_classifier_sees_the_garments_crop(
    attributes_ckpt: Path, closer_ckpt: Path, tmp_path: Path, save: Save
) -> None:
    """As a photo of the crop alone would be seen."""
    spec, _ = load_checkpoint(attributes_ckpt)
    described = save(tmp_path / "a.ckpt", replace(spec, crop="garments", resize="squash"), 1)
    plain = save(tmp_path / "b.ckpt", replace(spec, resize="squash"), 1)
    photo = street(2)
    predictor = load(closer_ckpt, described)
    garments = predictor(photo, Settings(components="no")).result.garments
    assert garments
    (found,) = predictor.find([image_input("a", photo, predictor.looks)], [Settings(components="no")])
    assert predictor.attribute_stage is not None
    (given,) = predictor.attribute_stage.probabilities(found)
    box = box_of_runs((garment.runs for garment in found[0].garments), photo.shape[:2])
    assert box is not None
    top, left, height, width = crop_around(box, photo.shape[:2], photo.shape[:2])
    part = photo[top : top + height, left : left + width]
    cut = [
        replace(garment, runs=encode_mask(decode_runs(garment.runs, *photo.shape[:2])[top:, left:][:height, :width]))
        for garment in found[0].garments
    ]
    stage = load(closer_ckpt, plain).attribute_stage
    assert stage is not None
    alone = Found(image_input("b", part, stage.looks), part.shape[:2], cut)
    (expected,) = stage.probabilities([alone])
    np.testing.assert_allclose(given, expected, atol=1e-5)
