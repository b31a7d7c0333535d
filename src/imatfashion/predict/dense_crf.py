"""Classes that agree where a photo has one colour.

A garment has few colours. Where the network gives a sleeve to the shirt and the trunk to the jacket, both have one, and
the dense conditional random field (Krähenbühl and Koltun, "Efficient Inference in Fully Connected CRFs with Gaussian
Edge Potentials", 2011) lets them agree: each cell of a grid hears what all other cells of like colour and place think,
some rounds long. The grid is coarse, so that every pair of cells is reckoned and nothing is approximated.

Small things would be outvoted by the garment that they lie on. So the large classes come first, and divide among
themselves what they had together at each pixel; then all classes, more quietly.

Shape suffixes: L layers, C + 1 classes (background last), K of them, h × w pixels, N cells of the grid.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn.functional import interpolate

from imatfashion.masks.view import View

CELLS = 4096
"""Most cells of the grid: memory and time grow with its square."""
REACH = 0.2
"""Standard deviation of the place, as a share of the side of a square as large as the view."""
COLOUR = 3.0
"""Standard deviation of the colour, in units of CIELAB."""
LARGE = 0.012
"""Share of a photo that a class must typically have to be a large one."""
WEIGHT_OF_LARGE = 5.0
"""How loud the large classes are among themselves."""
WEIGHT_OF_ALL = 2.0
"""How loud all classes are."""
ROUNDS = 5
"""Of the mean field."""
_LEAST = 1e-6
"""Probabilities are held above it before their logarithm is taken."""


@torch.inference_mode()
def agree(scores_LChw: Tensor, image_hw3: npt.NDArray[np.uint8], view: View, typical: Sequence[float]) -> Tensor:
    """Scores after the cells of like colour and place have heard one another.

    Args:
        scores_LChw: scores before softmax, float32 (L, C + 1, h, w).
        image_hw3: the picture that they are of, RGB uint8 (h, w, 3).
        view: where its pixels lie in the photo.
        typical: share of a photo that each class typically has where it is there, (C,).

    Returns:
        Scores before softmax, float32 (L, C + 1, h, w).
    """
    grid = grid_of(*image_hw3.shape[:2])
    kernel_NN = kernel_of(features_of(image_hw3, view, grid).to(scores_LChw.device))
    large = torch.tensor([*(share > LARGE for share in typical), False], device=scores_LChw.device)
    agreed = scores_LChw.log_softmax(dim=1)
    for scores_Chw in agreed:
        if large.any():
            together_hw = scores_Chw[large].logsumexp(dim=0)
            heard_Khw = scores_Chw[large] + _message(scores_Chw[large], grid, kernel_NN, WEIGHT_OF_LARGE)
            scores_Chw[large] = heard_Khw.log_softmax(dim=0) + together_hw
        scores_Chw += _message(scores_Chw, grid, kernel_NN, WEIGHT_OF_ALL)
    return agreed


def grid_of(height: int, width: int) -> tuple[int, int]:
    """Rows and columns of the grid over a view of height × width pixels: at most `CELLS` cells, none below a pixel."""
    pixels = max(1.0, math.sqrt(height * width / CELLS))
    rows = min(max(1, int(height / pixels)), CELLS)
    return rows, min(max(1, int(width / pixels)), CELLS // rows)


def features_of(image_hw3: npt.NDArray[np.uint8], view: View, grid: tuple[int, int]) -> Tensor:
    """Colour and place of each cell, in standard deviations, float32 (N, 5)."""
    cells = cv2.resize(image_hw3, grid[::-1], interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    colour_N3 = cv2.cvtColor(cells, cv2.COLOR_RGB2LAB).reshape(-1, 3) / COLOUR
    reach = REACH * math.sqrt(view.height * view.width)
    rows = np.arange(grid[0]) * (view.height / grid[0] / reach)
    columns = np.arange(grid[1]) * (view.width / grid[1] / reach)
    place_2N = np.stack(np.meshgrid(rows, columns, indexing="ij")).reshape(2, -1)
    return torch.from_numpy(np.concatenate([colour_N3, place_2N.T], axis=1).astype(np.float32))


def kernel_of(features_NF: Tensor) -> Tensor:
    """How much each cell (a row) hears each other, float32 (N, N); a row sums to 1, or to less where few are alike."""
    kernel_NN = torch.cdist(features_NF, features_NF, compute_mode="donot_use_mm_for_euclid_dist")
    kernel_NN.square_().mul_(-0.5).exp_().fill_diagonal_(0)
    return kernel_NN.div_(kernel_NN.sum(dim=1, keepdim=True).clamp_min_(1))


def mean_field(shares_KN: Tensor, kernel_NN: Tensor, weight: float) -> Tensor:
    """What each cell hears at the end of the mean field, to be added to its scores.

    Args:
        shares_KN: probabilities of the classes that take part, float32 (K, N). What they sum to in a cell is how loud
            the cell is.
        kernel_NN: how much each cell hears each other, float32 (N, N).
        weight: by which what is heard is multiplied.

    Returns:
        float32 (K, N).
    """
    unary_KN, loudness_N = shares_KN.clamp_min(_LEAST).log(), shares_KN.sum(dim=0)
    message_KN = weight * (shares_KN @ kernel_NN.T)
    for _ in range(ROUNDS):
        message_KN = weight * ((unary_KN + message_KN).softmax(dim=0) * loudness_N @ kernel_NN.T)
    return message_KN


def _message(scores_Khw: Tensor, grid: tuple[int, int], kernel_NN: Tensor, weight: float) -> Tensor:
    """What the pixels hear, float32 (K, h, w); `scores_Khw` are logarithms of probabilities."""
    shares_Kgg = interpolate(scores_Khw.exp()[None], size=grid, mode="area")[0]
    message_KN = mean_field(shares_Kgg.flatten(1), kernel_NN, weight)
    message_Khw: Tensor = interpolate(
        message_KN.view(1, -1, *grid), size=scores_Khw.shape[1:], mode="bilinear", align_corners=False
    )[0]
    return message_Khw
