"""From class scores at the network's size to labels and confidence on the output grid, in strips of bounded memory.

Shape suffixes: L layers, C + 1 scores (background last), h × w the network's size, H × W the output grid.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from imatfashion.masks.view import View
from imatfashion.predict.for_iou import ExpectedIoU, gains
from imatfashion.predict.planes import best_of_planes

_STRIP = 16_000_000
"""Scores that are held at once on the output grid."""


class LabelMaps(NamedTuple):
    """Labels uint8 (L, H, W), background = C, and the probability of each, float32 (L, H, W); background may have 0."""

    labels: npt.NDArray[np.uint8]
    confidence: npt.NDArray[np.float32]


@torch.inference_mode()
def label_maps(
    scores_LChw: Tensor,
    view: View,
    photo: tuple[int, int],
    grid: tuple[int, int],
    expected: ExpectedIoU | None = None,
) -> LabelMaps:
    """Bring scores to a grid over the photo (bilinear, padding left out) and take the best class.

    Beyond a view that shows a part of the photo all is background.

    Args:
        scores_LChw: float32 (L, C + 1, h, w), before softmax.
        view: how the photo was brought to h × w.
        photo: height and width of the photo, pixels.
        grid: H and W; the grid covers the photo.
        expected: what to expect of each class, for the labels that the mean IoU gains most by; None for the likeliest.

    Returns:
        Labels and their probabilities.
    """
    layers, classes = scores_LChw.shape[:2]
    height, width = grid
    # Scores that cover the photo edge to edge are a picture to resize.
    covers = view == View.squash(*photo, view.out_height, view.out_width)
    if expected is None and covers and scores_LChw.device.type == "cpu" and classes * height * width <= _STRIP:
        maps = [best_of_planes(scores_Chw, grid) for scores_Chw in scores_LChw.numpy()]
        return LabelMaps(np.stack([labels for labels, _ in maps]), np.stack([confidence for _, confidence in maps]))
    part, rows, cols = _reach(view, photo, grid, scores_LChw.device)
    shape = (len(rows.low), len(cols.low))
    exact = scores_LChw.shape[2:] == shape and not rows.weight.any() and not cols.weight.any()
    labels = np.full((layers, height, width), classes - 1, dtype=np.uint8)
    confidence = np.zeros((layers, height, width), dtype=np.float32)
    # Beside the scores there are their softmax and the gains, and what they are made of.
    most = _STRIP if expected is None else _STRIP // 4
    step = max(1, most // (layers * classes * shape[1]))
    for first in range(0, shape[0], step):
        strip = slice(first, first + step)
        scores = scores_LChw[:, :, strip] if exact else _sample(scores_LChw, rows.part(strip), cols)
        best, index = _choose(scores, expected)
        labels[:, *part][:, strip] = index[:, 0].to(torch.uint8).cpu().numpy()
        # The label's softmax: exp(its score) over the sum of all.
        confidence[:, *part][:, strip] = (scores - best).exp_().sum(dim=1).reciprocal_().cpu().numpy()
    return LabelMaps(labels, confidence)


@torch.inference_mode()
def probabilities_over(scores_LChw: Tensor, view: View, photo: tuple[int, int], grid: tuple[int, int]) -> Tensor:
    """Probabilities at the centres of a grid's cells over the photo; arguments as `label_maps`.

    Returns:
        float32 (L, C + 1, H, W); beyond the view it is background for sure.
    """
    (down, right), rows, cols = _reach(view, photo, grid, scores_LChw.device)
    out = scores_LChw.new_zeros(*scores_LChw.shape[:2], *grid)
    out[:, -1] = 1
    out[:, :, down, right] = _sample(scores_LChw, rows, cols).softmax(dim=1)
    return out


def bring(values_LChw: Tensor, view: View, photo: tuple[int, int], frame: View) -> Tensor:
    """Values at one view's pixels, interpolated at another's; padding is left out.

    Args:
        values_LChw: float32 (L, C + 1, h, w), at the pixels of `view`.
        view: where they lie in the photo.
        photo: height and width of the photo, pixels.
        frame: `view` itself, or the whole photo or a part of it, without padding.

    Returns:
        float32 (L, C + 1, rows, columns of the frame).
    """
    if view == frame:
        return values_LChw
    down = _centres(frame.top, frame.height, frame.out_height)
    right = _centres(frame.left, frame.width, frame.out_width)
    rows = _Axis.of(view.top, view.height, view.out_height, photo[0], down)
    cols = _Axis.of(view.left, view.width, view.out_width, photo[1], right)
    return _sample(values_LChw, rows.to(values_LChw.device), cols.to(values_LChw.device))


class _Axis(NamedTuple):
    """Linear interpolation along one axis: the two source indices and the second one's weight, for each output."""

    low: Tensor
    high: Tensor
    weight: Tensor

    @classmethod
    def of(cls, first: int, length: int, out: int, photo: int, centres: npt.NDArray[np.float64]) -> _Axis:
        """From places in a photo to a sample of `out` pixels over the crop of `length` that starts at `first`."""
        place = (centres - first) * out / length - 0.5
        # Only sample pixels whose centre lies in the photo: beyond them is padding.
        inside = first + (np.arange(out) + 0.5) * length / out
        known = np.flatnonzero((inside >= 0) & (inside < photo))
        if not len(known):  # a photo of extreme aspect may have no pixel centre on its short side
            known = np.array([out // 2])
        place = np.clip(place, known[0], known[-1])
        low = np.floor(place).astype(np.int64)
        high = np.minimum(low + 1, known[-1])
        return cls(torch.from_numpy(low), torch.from_numpy(high), torch.from_numpy((place - low).astype(np.float32)))

    def to(self, device: torch.device) -> _Axis:
        return _Axis(*(tensor.to(device) for tensor in self))

    def part(self, strip: slice) -> _Axis:
        return _Axis(self.low[strip], self.high[strip], self.weight[strip])

    def matrix(self, size: int) -> Tensor:
        """The interpolation as a matrix, float32 (size, outputs): values (…, size) @ matrix are the outputs."""
        out = torch.zeros(size, len(self.low), device=self.low.device)
        out.scatter_(0, self.low[None], 1 - self.weight[None])
        return out.scatter_add_(0, self.high[None], self.weight[None])


def _reach(
    view: View, photo: tuple[int, int], grid: tuple[int, int], device: torch.device
) -> tuple[tuple[slice, slice], _Axis, _Axis]:
    """The rows and columns of a grid over the photo that a view shows, and where in the view they lie."""
    down, right = _centres(0, photo[0], grid[0]), _centres(0, photo[1], grid[1])
    part = _inside(down, view.top, view.height), _inside(right, view.left, view.width)
    rows = _Axis.of(view.top, view.height, view.out_height, photo[0], down[part[0]])
    cols = _Axis.of(view.left, view.width, view.out_width, photo[1], right[part[1]])
    return part, rows.to(device), cols.to(device)


def _choose(scores_LCHW: Tensor, expected: ExpectedIoU | None) -> tuple[Tensor, Tensor]:
    """Scores and indices of the labels, (L, 1, H, W)."""
    if expected is None:
        best, index = scores_LCHW.max(dim=1, keepdim=True)
        return best, index
    index = gains(scores_LCHW.softmax(dim=1), expected).argmax(dim=1, keepdim=True)
    return scores_LCHW.gather(1, index), index


def _centres(first: int, length: int, count: int) -> npt.NDArray[np.float64]:
    """Where the centres of `count` cells over a stretch of a photo lie."""
    return first + (np.arange(count) + 0.5) * length / count


def _inside(centres: npt.NDArray[np.float64], first: int, length: int) -> slice:
    """Which places lie in a stretch of a photo; at least one, the nearest."""
    inside = np.flatnonzero((centres >= first) & (centres < first + length))
    if len(inside):
        return slice(int(inside[0]), int(inside[-1]) + 1)
    nearest = int(np.abs(centres - first - length / 2).argmin())
    return slice(nearest, nearest + 1)


def _sample(scores_LChw: Tensor, rows: _Axis, cols: _Axis) -> Tensor:
    """The scores at the crossings of rows and columns, (L, C + 1, rows, cols)."""
    first, end = int(rows.low[0]), int(rows.high[-1]) + 1
    # Columns by a product, which is several times faster than gathering; rows are whole lines in memory.
    values = scores_LChw[:, :, first:end] @ cols.matrix(scores_LChw.shape[3])
    low, high = values.index_select(2, rows.low - first), values.index_select(2, rows.high - first)
    return low.lerp_(high, rows.weight[:, None])
