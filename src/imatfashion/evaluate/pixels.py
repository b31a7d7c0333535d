"""Pixel figures of a submission: both sides painted as label maps on the grid."""

from __future__ import annotations

import numpy as np
import torch

from imatfashion.data.annotations import Annotations
from imatfashion.data.render import paint_maps
from imatfashion.evaluate.on_grid import GRID
from imatfashion.masks.view import View
from imatfashion.metrics.pixel import confusion_matrix, summary


def pixel_summary(
    truth: Annotations, submission: Annotations, place: dict[int, int], *, bare: int = 0
) -> dict[str, float]:
    """The pixel metrics of one label map a photo (smaller garments over larger), pooled over the photos.

    Args:
        truth: the truth.
        submission: the submission.
        place: photo of the submission for each photo of the truth that it has; the others are all background there.
        bare: photos behind the table's that belong to the truth and are all background.

    Returns:
        As `imatfashion.metrics.pixel.summary`.
    """
    num_classes = len(truth.classes)
    # The submission's classes by the truth's numbers; one that the truth does not have (filler) is background.
    found = [truth.classes.index(class_id) for class_id in submission.classes.ids]
    numbers = np.array([num_classes if index is None else index for index in found] + [num_classes], dtype=np.uint8)
    total = torch.zeros(num_classes + 1, num_classes + 1, dtype=torch.int64)
    background = np.full((1, GRID, GRID), num_classes, dtype=np.uint8)
    for photo in range(len(truth) + bare):
        guess = numbers[_labels(submission, place[photo])] if photo in place else background
        labels = _labels(truth, photo) if photo < len(truth) else background
        total += confusion_matrix(torch.from_numpy(guess).long(), torch.from_numpy(labels), num_classes)
    return summary(total)


def _labels(table: Annotations, photo: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    size = table.size(photo)
    labels_LHW, _, _ = paint_maps(table, photo, View.squash(*size, GRID, GRID), size, table.layer_of_class(1))
    return labels_LHW
