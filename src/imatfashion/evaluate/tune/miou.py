"""What the mean IoU of label maps gains by labels chosen for its sake, on photos that had no say in the choice.

What is expected of each class comes from the network's own probabilities, without a true label.

Shape suffixes: P photos, L layers, C + 1 probabilities (background last), h × w points of a photo, K = 3 counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from imatfashion.data.annotations import Annotations
from imatfashion.data.cores import core_count
from imatfashion.data.render import num_layers, paint_maps
from imatfashion.evaluate.tune.crossval import Gain, deal, interval
from imatfashion.evaluate.tune.predict import batch_size, read_batches
from imatfashion.evaluate.tune.run import TuningRun
from imatfashion.masks.view import View
from imatfashion.metrics.pixel import confusion_matrix
from imatfashion.predict.ensemble import Framed
from imatfashion.predict.for_iou import ExpectedIoU, gains
from imatfashion.predict.inputs import PhotoInput
from imatfashion.predict.predictor import Predictor
from imatfashion.predict.resample import probabilities_over

MIOU = "miou"
"""The objective of this search."""
FloatArray = npt.NDArray[np.float64]
_VALUES = 100_000_000
"""Probabilities that are held, in two bytes each."""
_SIDE = 128
"""Rows and columns of points in a photo, at most."""
_ROUNDS = 4
"""Labels give the expected IoU, which gives new labels: they settle after one or two rounds."""


@dataclass(frozen=True)
class LabelTuning:
    """Labels for the sake of the mean IoU.

    Attributes:
        expected: what all photos say of each class; None where photos without a say do not gain.
        gain: of the mean IoU, on photos whose own probabilities had no say.
    """

    expected: ExpectedIoU | None
    gain: Gain


@dataclass(frozen=True)
class Sampled:
    """Photos at a grid of points each.

    Attributes:
        probabilities: float16 (P, L, C + 1, h, w).
        truth: class index, C for background, uint8 (P, L, h, w).
    """

    probabilities: Tensor
    truth: Tensor


def tune_labels(predictor: Predictor, run: TuningRun, *, folds: int, seed: int) -> LabelTuning:
    """Find what is expected of each class, and measure what labels by it gain.

    Args:
        predictor: the networks.
        run: the photos, and which of them belong together.
        folds: number of folds of the cross-validation.
        seed: of the dealing and the resampling.

    Raises:
        FashionError: there are too few photos for the folds.
    """
    fold = deal(run.groups, folds, seed)
    sampled = sample(predictor, run.table, run.photos)
    before, after = (np.zeros((len(fold), len(run.table.classes), 3)) for _ in range(2))
    for number in range(folds):
        expected = expect(sampled, np.flatnonzero(fold != number))
        for photo in np.flatnonzero(fold == number):
            before[photo] = _counts(sampled, int(photo), None)
            after[photo] = _counts(sampled, int(photo), expected)
    shape = before.shape[1:]
    flat = [counts.reshape(len(fold), -1) for counts in (before, after)]
    low, high = interval(lambda totals, _: mean_iou(totals.reshape(-1, *shape)), *flat, seed=seed)
    old, new = (float(mean_iou(counts.sum(axis=0))) for counts in (before, after))
    gain = Gain(old, new, low, high, False)
    return LabelTuning(expect(sampled, np.arange(len(fold))) if gain.gain > 0 else None, gain)


def sample(predictor: Predictor, table: Annotations, photos: Sequence[int]) -> Sampled:
    """Predict photos of a table at a grid of points each; one that cannot be read is all background.

    Args:
        predictor: the networks.
        table: the truth, which knows where its photos are.
        photos: indices into the table.
    """
    layer_of_class = predictor.class_stage.spec.layer_of_class
    layers, values = num_layers(layer_of_class), len(table.classes) + 1
    side = max(1, min(_SIDE, int((_VALUES / (len(photos) * layers * values)) ** 0.5)))
    probabilities = torch.zeros(len(photos), layers, values, side, side, dtype=torch.float16)
    probabilities[:, :, -1] = 1
    truth = torch.empty(len(photos), layers, side, side, dtype=torch.uint8)
    for place, photo in enumerate(photos):
        size = table.size(photo)
        labels, _, _ = paint_maps(table, photo, View.squash(*size, side, side), size, layer_of_class)
        truth[place] = torch.from_numpy(labels)
    for place, found in _predict(predictor, table, photos, side):
        probabilities[place] = found
    return Sampled(probabilities, truth)


def _predict(
    predictor: Predictor, table: Annotations, photos: Sequence[int], side: int
) -> Iterator[tuple[int, Tensor]]:
    """Probabilities of the photos that can be read, and their places among all."""

    def at_points(photo: PhotoInput, framed: Framed) -> Tensor:
        return probabilities_over(framed.scores, framed.view, (photo.height, photo.width), (side, side)).half().cpu()

    first = 0
    with ThreadPoolExecutor(core_count(), "tune") as pool:
        for batch, inputs in read_batches(predictor, table, photos, pool):
            readable = [(first + place, photo) for place, photo in enumerate(inputs) if not photo.problem]
            given = [photo for _, photo in readable]
            found = predictor.over_scores(given, at_points, batch_size(photos), pool.map) if given else ()
            yield from zip((place for place, _ in readable), found, strict=True)
            first += len(batch)


def expect(sampled: Sampled, photos: npt.NDArray[np.int64]) -> ExpectedIoU:
    """IoU and union of each class by the probabilities of some photos, with the labels that they lead to.

    To the probabilities a class has as many pixels as they sum to, of which those with its label are right. A class
    that no point is given has an IoU of 1: to be a label elsewhere it must be likelier than all others together.

    Args:
        sampled: photos.
        photos: which of them have a say.
    """
    points = len(photos) * sampled.truth[0, 0].numel()
    expected: ExpectedIoU | None = None
    for _ in range(1 + _ROUNDS):
        true, found, right = (torch.zeros(sampled.probabilities.shape[2], dtype=torch.float64) for _ in range(3))
        for photo in photos:
            probabilities = sampled.probabilities[photo].float()
            labels = _labels(probabilities, expected)
            true += probabilities.sum(dim=(0, 2, 3))
            found += labels.flatten().bincount(minlength=len(found))
            right.index_add_(0, labels.flatten(), probabilities.gather(1, labels).flatten().double())
        union = (true + found - right).clamp_min(1)  # no class has less than a point
        expected = ExpectedIoU(tuple((right / union)[:-1].tolist()), tuple((union / points)[:-1].tolist()))
    # Not sooner: a class starts with nothing, and is given what it gains by.
    iou = torch.where(right > 0, right / union, 1)
    return ExpectedIoU(tuple(iou[:-1].tolist()), tuple((union / points)[:-1].tolist()))


def _labels(probabilities_LChw: Tensor, expected: ExpectedIoU | None) -> Tensor:
    """int64 (L, 1, h, w)."""
    worth = probabilities_LChw if expected is None else gains(probabilities_LChw, expected)
    return worth.argmax(dim=1, keepdim=True)


def _counts(sampled: Sampled, photo: int, expected: ExpectedIoU | None) -> FloatArray:
    """Points of each class that are right, true and found, float64 (C, K)."""
    labels = _labels(sampled.probabilities[photo].float(), expected)[:, 0]
    classes = sampled.probabilities.shape[2] - 1
    confusion = confusion_matrix(labels, sampled.truth[photo], classes).double()
    counts = torch.stack([confusion.diagonal(), confusion.sum(1), confusion.sum(0)], dim=1)
    return np.asarray(counts[:-1].numpy(), dtype=np.float64)


def mean_iou(counts: FloatArray) -> FloatArray:
    """Mean IoU over the classes that the truth has, float64 (…) of sums (…, C, K)."""
    right, true, found = np.moveaxis(counts, -1, 0)
    there = true > 0
    iou = np.where(there, right / np.maximum(true + found - right, 1), 0)
    means: FloatArray = iou.sum(axis=-1) / np.maximum(there.sum(axis=-1), 1)
    return means
