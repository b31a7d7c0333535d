"""Labels for the sake of the mean IoU, in place of the likeliest class.

IoU pooled over photos is TP / U, with U = P + T − TP of the pixels that are predicted, true and right. One pixel more
for a class, which it is with probability p, adds p to TP and 1 − p to U: to first order its IoU changes by
(p (1 + IoU) − IoU) / U. A pixel goes to the class that gains most; to the background, which the mean does not count,
where all would lose. So classes of which there is little get what the likeliest class never gives them.

Shape suffixes: L layers, C + 1 scores (background last), h × w pixels.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

_LEAST = 1e-6
"""Probability below which a class is never the label: one that is expected nowhere would take all that others leave."""


@dataclass(frozen=True)
class ExpectedIoU:
    """What a network may expect of each class, by its own probabilities.

    Attributes:
        iou: intersection over union, (C,); 1 for a class of which nothing is expected to be found.
        union: the union as a share of all pixels of all photos, above 0, (C,).
    """

    iou: tuple[float, ...]
    union: tuple[float, ...]


def gains(probabilities_LChw: Tensor, expected: ExpectedIoU) -> Tensor:
    """What the sum of all classes' IoU gains by each label of a pixel, times the number of all photos' pixels.

    Args:
        probabilities_LChw: float32 (L, C + 1, h, w).
        expected: IoU and union of each class.

    Returns:
        float32 (L, C + 1, h, w); 0 for the background, −∞ for a class that is all but impossible.
    """
    shape = (1, -1, 1, 1)
    iou, union = (
        torch.tensor(values, dtype=torch.float32, device=probabilities_LChw.device).view(shape)
        for values in (expected.iou, expected.union)
    )
    of_class = probabilities_LChw[:, :-1]
    gained = ((of_class * (1 + iou) - iou) / union).masked_fill_(of_class < _LEAST, -torch.inf)
    return torch.cat([gained, torch.zeros_like(probabilities_LChw[:, -1:])], dim=1)
