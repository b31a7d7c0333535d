"""Weights of classes by how often they occur."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

_LEAST = 1e-6  # least share of background: garments that lie on one another may add up to more than the photo


def class_weights(shares: npt.NDArray[np.float64], layer_of_class: Sequence[int], power: float) -> Tensor:
    """Weights share^(−power) of the classes and the background of each layer, of mean 1 over a layer's pixels.

    Args:
        shares: mean share of a photo's pixels that each class has, float64 (C,); 0 for one that never occurs, whose
            weight is 1.
        layer_of_class: the layer of each class.
        power: 0 gives 1 to all, 1 makes all classes that occur weigh alike in sum.

    Returns:
        float32 (L, C + 1), background last; 1 for the classes of other layers, which no pixel has.
    """
    layers = max(layer_of_class, default=0) + 1
    weights = np.ones((layers, len(shares) + 1))
    for layer in range(layers):
        mine = np.append(np.asarray(layer_of_class) == layer, True)
        share = np.append(shares, 0.0) * mine
        share[-1] = max(1 - share.sum(), _LEAST)
        share /= share.sum()
        occurring = share > 0
        inverse = share[occurring] ** -power
        weights[layer, occurring] = inverse / (share[occurring] * inverse).sum()
    return torch.from_numpy(weights).float()
