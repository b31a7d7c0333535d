"""Labels for the sake of the mean IoU: against the change of IoU itself, and through a prediction."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from imatfashion.config.schema import PredictConfig
from imatfashion.masks.view import View
from imatfashion.models.segmenter import ABSENT
from imatfashion.predict.for_iou import ExpectedIoU, gains
from imatfashion.predict.inputs import read_input
from imatfashion.predict.postprocess import PostProcess
from imatfashion.predict.predictor import Predictor
from imatfashion.predict.resample import label_maps, probabilities_over
from imatfashion.predict.run import run_prediction
from imatfashion.predict.settings import Settings

EXPECTED = ExpectedIoU((0.8, 0.3, 0.02, 0.6), (0.2, 0.05, 0.001, 0.1))


def best_labels(probabilities_Chw: np.ndarray) -> np.ndarray:
    """The label that the sum of IoU gains most by, one pixel more in a million; background where all lose."""
    million = 10**6
    changes = []
    for p, iou, share in zip(probabilities_Chw, EXPECTED.iou, EXPECTED.union, strict=False):
        union = share * million
        changes.append((iou * union + p) / (union + 1 - p) - iou)
    worth = np.stack(changes)
    return np.where(worth.max(axis=0) > 0, worth.argmax(axis=0), len(worth))


def test_the_label_is_the_one_that_iou_gains_most_by() -> None:
    rng = np.random.default_rng(0)
    scores = rng.normal(scale=2, size=(2, 5, 40, 30)).astype(np.float32)
    probabilities = np.exp(scores.astype(float)) / np.exp(scores.astype(float)).sum(axis=1, keepdims=True)
    labels, confidence = label_maps(
        torch.from_numpy(scores), View.squash(40, 30, 40, 30), (40, 30), (40, 30), expected=EXPECTED
    )
    for layer in range(2):
        np.testing.assert_array_equal(labels[layer], best_labels(probabilities[layer]))
        own = np.take_along_axis(probabilities[layer], labels[layer][None].astype(int), axis=0)[0]
        np.testing.assert_allclose(confidence[layer], own, rtol=1e-4)
    assert set(np.unique(labels)) == {0, 1, 2, 3, 4}
    assert (labels != scores.argmax(axis=1)).mean() > 0.1


def test_a_class_that_gave_way_or_is_of_another_layer_stays_away() -> None:
    scores = torch.zeros(1, 4, 2, 2)
    scores[:, 1] = ABSENT
    hopeless = ExpectedIoU((0.9, 0.0, 0.9), (0.1, 1e-6, 0.1))
    # As a single look has it, and as averages and filters leave it.
    for probabilities in (scores.softmax(dim=1), scores.softmax(dim=1).clamp_min(1e-12)):
        assert gains(probabilities, hopeless).argmax(dim=1).unique().tolist() == [3]
    scores[:, 0] = 5.0
    assert gains(scores.softmax(dim=1), hopeless).argmax(dim=1).unique().tolist() == [0]


@pytest.mark.parametrize("view", [View.pad(40, 90, 32), View(10, 20, 20, 50, 32, 32), View.squash(40, 90, 32, 32)])
def test_parts_of_a_photo_padding_and_strips(view: View, monkeypatch: pytest.MonkeyPatch) -> None:
    size, grid = (40, 90), (60, 135)
    scores = 2 * torch.randn(1, 5, 32, 32, generator=torch.Generator().manual_seed(0))
    probabilities = probabilities_over(scores, view, size, grid)
    likeliest = label_maps(scores, view, size, grid)
    np.testing.assert_array_equal(likeliest.labels, probabilities.argmax(1).numpy())
    for_iou = label_maps(scores, view, size, grid, EXPECTED)
    # But for ties, which 32 and 64 bits may break otherwise.
    assert (for_iou.labels[0] != best_labels(probabilities[0].double().numpy())).mean() < 0.001
    assert (for_iou.labels != likeliest.labels).mean() > 0.05
    rows, columns = np.ix_(np.arange(60) / 1.5 + 1 / 3, np.arange(135) / 1.5 + 1 / 3)
    beyond = (rows < view.top) | (rows > view.top + view.height) | (columns < view.left)
    beyond = beyond | (columns > view.left + view.width)
    assert (probabilities[0, 4].numpy()[beyond] == 1).all()
    assert (for_iou.labels[0][beyond] == 4).all()
    monkeypatch.setattr("imatfashion.predict.resample._STRIP", 20_000)
    np.testing.assert_array_equal(label_maps(scores, view, size, grid, EXPECTED).labels, for_iou.labels)


def test_a_class_of_which_there_is_little_gets_what_may_be_it(classes_ckpt: Path, photos: Path) -> None:
    predictor = Predictor.load(classes_ckpt, device="cpu")
    plain = PostProcess.plain(predictor.classes, predictor.attributes)
    for rare in range(4):
        expected = ExpectedIoU(
            tuple(0.0 if index == rare else 0.5 for index in range(4)),
            tuple(1e-6 if index == rare else 0.2 for index in range(4)),
        )
        settings = [Settings(64, "no", post=post) for post in (plain, replace(plain, expected=expected))]
        likeliest, for_iou = (
            {one.class_id: one.mask.mean() for one in predictor(photos / "e.jpg", each)} for each in settings
        )
        rare_id = predictor.classes.ids[rare]
        assert for_iou[rare_id] > max(0.9, likeliest.get(rare_id, 0))


def test_through_a_prediction(
    classes_ckpt: Path, photos: Path, tmp_path: Path, config: Callable[..., PredictConfig]
) -> None:
    """Figures go to classes by their ids: the PNG has what plain numpy makes of the network's probabilities."""
    tuning = tmp_path / "labels.json"

    def maps(name: str, **changes: Any) -> dict[str, Path]:
        out = run_prediction(config(output=name, format="png", grid=64, **changes))
        return {path.stem: path for path in out.rglob("*.png")}

    plain = maps("plain")
    tuning.write_text(json.dumps({"expected_iou": {}, "expected_union": {}}))
    same = maps("same", tuning=str(tuning))
    assert {name: path.read_bytes() for name, path in same.items()} == {
        name: path.read_bytes() for name, path in plain.items()
    }
    figures = {
        key: dict(zip(("0", "3", "10", "23"), values, strict=True))
        for key, values in (("expected_iou", EXPECTED.iou), ("expected_union", EXPECTED.union))
    }
    tuning.write_text(json.dumps(figures))
    found = np.array(Image.open(maps("for_iou", tuning=str(tuning))["e"]))
    assert (found != np.array(Image.open(plain["e"]))).any()
    predictor = Predictor.load(classes_ckpt, device="cpu")
    photo = read_input("e.jpg", photos / "e.jpg", predictor.looks)
    ((scores, view),) = predictor.class_stage.scores([photo], 2)
    probabilities = probabilities_over(scores, view, (photo.height, photo.width), (64, 64)).double().numpy()
    ids = np.array([0, 3, 10, 23, 255])
    below, above = (ids[best_labels(layer)] for layer in probabilities)
    # Where the two maps overlap the smaller garment is seen: only what one of them has alone is the same for sure.
    alone = (below == 255) | (above == 255)
    assert alone.mean() > 0.02
    np.testing.assert_array_equal(found[alone], np.minimum(below, above)[alone])
