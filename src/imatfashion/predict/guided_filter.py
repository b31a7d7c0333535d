"""Class probabilities brought to a photo's edges.

Networks see the rough place of an edge; the photo has its exact one. The guided filter (He, Sun and Tang, "Guided Image
Filtering", 2013) explains the probabilities within each window as a linear function of the photo's colours there, and
takes for each pixel the mean of what the windows around it say.

Shape suffixes: L layers, C + 1 classes (background last), K planes to filter, h × w pixels.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from imatfashion.masks.view import View

REACH = 1 / 60
"""How far a window reaches to each side of its centre, as a share of the side of a square as large as the photo."""
SMOOTHNESS = 0.001
"""Variance of colours, which lie between 0 and 1, below which a window counts as without edges (ε of the paper)."""
_HOPELESS = 0.1
"""A class that is nowhere more probable is left as it is, for it wins nowhere and filtering costs time."""
LEAST = 1e-12
"""Probabilities are held above it: the logarithm of 0 is no number to interpolate."""


@torch.inference_mode()
def follow_edges(scores_LChw: Tensor, guide_hw3: Tensor, view: View, photo: tuple[int, int]) -> Tensor:
    """Scores whose probabilities follow the edges of the picture that they are of.

    Args:
        scores_LChw: scores before softmax, float32 (L, C + 1, h, w).
        guide_hw3: the picture, RGB uint8 (h, w, 3), on the same device.
        view: where its pixels lie in the photo.
        photo: height and width of the photo, pixels.

    Returns:
        The logarithms of the filtered probabilities, float32 (L, C + 1, h, w).
    """
    reach = REACH * math.sqrt(photo[0] * photo[1])
    rows, columns = reach * view.out_height / view.height, reach * view.out_width / view.width
    radius = max(1, round(rows)), max(1, round(columns))
    guide_3hw = guide_hw3.permute(2, 0, 1).float() / 255
    probabilities = scores_LChw.softmax(dim=1)
    for of_layer_Chw in probabilities:
        likely = of_layer_Chw.amax(dim=(1, 2)) > _HOPELESS
        of_layer_Chw[likely] = guided_filter(of_layer_Chw[likely], guide_3hw, radius, SMOOTHNESS)
    return probabilities.clamp_(LEAST, 1).log_()


def guided_filter(values_Khw: Tensor, guide_3hw: Tensor, radius: tuple[int, int], smoothness: float) -> Tensor:
    """The guided filter with a colour guide: equations 19 to 21 of the paper.

    A filtered pixel is a weighted sum of the values around it, with weights that sum to 1 and are the same for each
    plane, so that planes which sum to 1 still do. Some weights may be negative.

    Args:
        values_Khw: planes to filter, float32 (K, h, w).
        guide_3hw: colours between 0 and 1, float32 (3, h, w).
        radius: rows and columns that a window reaches to each side of its centre; it ends at the border.
        smoothness: ε, a variance: the larger, the more a window is smoothed.

    Returns:
        float32 (K, h, w).
    """
    height, width = guide_3hw.shape[1:]
    rows_hh, columns_ww = _windows(height, radius[0], guide_3hw), _windows(width, radius[1], guide_3hw)

    def mean(planes: Tensor) -> Tensor:
        """Means over the windows, (…, h, w): products, several times as fast as pooling on a processor."""
        means: Tensor = rows_hh @ planes @ columns_ww.T
        return means

    mean_3hw, mean_Khw = mean(guide_3hw), mean(values_Khw)
    covariance_33hw = mean(guide_3hw[:, None] * guide_3hw) - mean_3hw[:, None] * mean_3hw
    covariance_33hw.diagonal().add_(smoothness)
    slope_K3hw = mean(values_Khw[:, None] * guide_3hw) - mean_Khw[:, None] * mean_3hw
    slope_K3hw = torch.einsum("abhw,kbhw->kahw", _inverse(covariance_33hw), slope_K3hw)
    offset_Khw = mean_Khw - (slope_K3hw * mean_3hw).sum(dim=1)
    return (mean(slope_K3hw) * guide_3hw).sum(dim=1) + mean(offset_Khw)


def _windows(count: int, radius: int, like: Tensor) -> Tensor:
    """Weights of the means along one side, (count, count): equal within each window, which ends at the border."""
    place = torch.arange(count, device=like.device)
    within = ((place[:, None] - place).abs() <= radius).to(like.dtype)
    return within / within.sum(dim=1, keepdim=True)


def _inverse(symmetric_33hw: Tensor) -> Tensor:
    """The inverse of each pixel's symmetric matrix: its rows are cross products of the columns, by the determinant."""
    first, second, third = symmetric_33hw
    rows = [torch.linalg.cross(*pair, dim=0) for pair in ((second, third), (third, first), (first, second))]
    determinant: Tensor = (first * rows[0]).sum(dim=0)
    return torch.stack(rows) / determinant
