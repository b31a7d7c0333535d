"""Pixel metrics of the class segmenter, all of them functions of one pooled confusion matrix.

A confusion matrix is int64 (C + 1, C + 1): rows are the truth, columns the prediction, background last. With two label
layers both layers' matrices add up, so background counts once a layer.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric

IGNORE = 255


def confusion_matrix(predicted: Tensor, truth: Tensor, num_classes: int, ignore: int = IGNORE) -> Tensor:
    """Count pixels by (truth, prediction).

    Args:
        predicted: class indices 0 … C (C is background), any integer type and shape.
        truth: the same shape; `ignore` where nothing is known.
        num_classes: C, background not counted.
        ignore: label of pixels that are not counted.

    Returns:
        int64 (C + 1, C + 1).

    Raises:
        ValueError: shapes differ, or a counted label lies outside 0 … C.
    """
    if predicted.shape != truth.shape:
        raise ValueError(f"prediction {tuple(predicted.shape)} and truth {tuple(truth.shape)} differ in shape")
    counted = truth != ignore
    rows, columns = truth[counted].long(), predicted[counted].long()
    # One cell more in each direction takes what is out of range: a check without another pass over the pixels.
    side = num_classes + 2
    cells = rows.clamp(max=side - 1) * side + columns.clamp(max=side - 1)
    counts = torch.bincount(cells, minlength=side * side).view(side, side)
    inside = counts[:-1, :-1]
    if counts.sum() != inside.sum():
        highest = int(torch.maximum(rows.max(), columns.max()))
        raise ValueError(f"a label of {highest} was found, the highest allowed is {num_classes}")
    return inside.clone()


def per_class(confusion: Tensor) -> Tensor:
    """Intersection over union of each class and, last, of background: float64 (C + 1,), NaN where the truth has none.

    A class that only the prediction has is NaN: its false pixels already lower the classes that they belong to.
    """
    counts = confusion.double()
    hits, truth, predicted = counts.diagonal(), counts.sum(1), counts.sum(0)
    return torch.where(truth > 0, hits / (truth + predicted - hits), torch.nan)


def summary(confusion: Tensor) -> dict[str, float]:
    """The figures of a validation, NaN where there is nothing to judge.

    Returns:
        `miou`: mean IoU over the classes that the truth has, background excluded (monitored);
        `pixel_accuracy`: share of all pixels that are right;
        `foreground_accuracy`: share of the truth's garment pixels that are right (the notebooks' metric: a model that
        never says background maximises it);
        `background_recall`: share of the truth's background pixels that are right.
    """
    counts = confusion.double()
    hits, truth = counts.diagonal(), counts.sum(1)
    figures = {
        "miou": per_class(confusion)[:-1].nanmean(),
        "pixel_accuracy": hits.sum() / truth.sum(),
        "foreground_accuracy": hits[:-1].sum() / truth[:-1].sum(),
        "background_recall": hits[-1] / truth[-1],
    }
    return {name: float(value) for name, value in figures.items()}


class PixelMetric(Metric):
    """Collects the confusion matrix over batches and processes.

    Args:
        num_classes: C, background not counted.
        ignore: label of pixels that are not counted.
        **options: torchmetrics' own.
    """

    is_differentiable = False
    higher_is_better = True
    full_state_update = False
    confusion: Tensor

    def __init__(self, num_classes: int, ignore: int = IGNORE, **options: Any) -> None:
        super().__init__(**options)
        self.num_classes = num_classes
        self.ignore = ignore
        zeros = torch.zeros((num_classes + 1, num_classes + 1), dtype=torch.int64)
        self.add_state("confusion", default=zeros, dist_reduce_fx="sum")

    def update(self, predicted: Tensor, truth: Tensor) -> None:
        """Add label maps of equal shape, (B, L, H, W) or any other."""
        self.confusion += confusion_matrix(predicted, truth, self.num_classes, self.ignore)

    def compute(self) -> Tensor:
        """The confusion matrix, int64 (C + 1, C + 1), for `summary` and `per_class`."""
        return self.confusion.clone()
