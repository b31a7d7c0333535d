"""Labels for the sake of the mean IoU: against the change of IoU itself, and through a prediction."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from imatfashion.config.schema import PredictConfig
from imatfashion.masks.view import View
from imatfashion.models.segmenter import ABSENT
from imatfashion.predict.for_iou import ExpectedIoU, gains
from imatfashion.predict.postprocess import PostProcess
from imatfashion.predict.predictor import Predictor
from imatfashion.predict.resample import label_maps
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
    assert gains(scores.softmax(dim=1), hopeless).argmax(dim=1).unique().tolist() == [3]
    scores[:, 0] = 5.0
    assert gains(scores.softmax(dim=1), hopeless).argmax(dim=1).unique().tolist() == [0]


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


def test_through_a_prediction(photos: Path, tmp_path: Path, config: Callable[..., PredictConfig]) -> None:
    tuning = tmp_path / "labels.json"

    def maps(name: str, **changes: Any) -> dict[str, bytes]:
        out = run_prediction(config(output=name, format="png", grid=64, **changes))
        return {path.name: path.read_bytes() for path in out.rglob("*.png")}

    plain = maps("plain")
    tuning.write_text(json.dumps({"expected_iou": {}, "expected_union": {}}))
    assert maps("same", tuning=str(tuning)) == plain
    ids = ("0", "3", "10", "23")
    figures = {"expected_iou": dict.fromkeys(ids, 0.9), "expected_union": dict.fromkeys(ids, 0.2)}
    tuning.write_text(json.dumps(figures))
    sure = maps("sure", tuning=str(tuning))
    assert sure.keys() == plain.keys()
    assert sure != plain
