"""Pictures of label maps: fixed colours, a legend with names, panels of photo, truth and prediction."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from imatfashion.data.lettering import PAPER, QUIET, Picture, legend_strip, text_line

_IGNORE = 255
_SMALLEST_WIDTH = 300
_BACKGROUND = (214, 216, 220)
_HEADINGS = {1: ("prediction",), 2: ("photo", "prediction"), 3: ("photo", "truth", "prediction")}


def class_colors(n: int) -> Picture:
    """A colour for each class and, last, the background's; uint8 (n + 1, 3), RGB.

    A class keeps its colour whatever `n` is, and any two are as far apart in CIELAB as `n` allows.
    """
    return np.concatenate([_palette(n), np.array([_BACKGROUND], dtype=np.uint8)])


def draw_overlay(
    image: Picture, labels: npt.NDArray[np.integer], class_names: Sequence[str], *, legend: bool = True
) -> Picture:
    """The photo with its classes in colour over it and, below, the names of those that are there.

    Args:
        image: uint8 (H, W, 3), RGB.
        labels: (L, H, W) or (H, W): class indices, background = number of classes, 255 = not judged;
            a later layer is drawn over an earlier one.
        class_names: a name each class.
        legend: add the strip of names; a photo narrower than 300 pixels is enlarged first so that they can be read.

    Returns:
        uint8 (H', W', 3): the photo's own size without the legend.

    Raises:
        ValueError: the sizes of image and labels differ.
    """
    layers = labels[None] if labels.ndim == 2 else labels
    if layers.shape[1:] != image.shape[:2]:
        raise ValueError(f"labels are {layers.shape[1:]}, the image is {image.shape[:2]}")
    scale = max(1, -(-_SMALLEST_WIDTH // image.shape[1])) if legend else 1
    colors = class_colors(len(class_names))
    enlarged = [_enlarge(layer.astype(np.uint8), scale, exact=True) for layer in layers]
    out = _tint(_enlarge(image, scale), enlarged, colors)
    if not legend:
        return out
    entries = [(class_names[index], colors[index]) for index in _by_area(layers, len(class_names))]
    return np.concatenate([out, legend_strip(entries, out.shape[1])])


def panel(rows: Sequence[Sequence[Picture]], captions: Sequence[str] = (), *, cell_width: int = 320) -> Picture:
    """One picture of rows of pictures, such as (photo, truth, prediction), under column headings.

    Args:
        rows: pictures uint8 (h, w, 3), any sizes; three a row, or two where there is no truth, or one.
        captions: a line of text above each row; none, or as many as rows.
        cell_width: width that each picture is brought to, pixels.

    Returns:
        uint8 (H, W, 3); an empty `rows` gives a picture that says so.
    """
    if not rows:
        return text_line("no photos", cell_width, 18)
    columns = max(len(row) for row in rows)
    gap = max(4, cell_width // 32)
    width = columns * cell_width + (columns + 1) * gap
    size = max(12, cell_width // 22)
    parts = [_headings(_HEADINGS[min(columns, 3)], cell_width, gap, width, size)]
    for index, row in enumerate(rows):
        if index < len(captions):
            parts.append(text_line(captions[index], width, size, indent=gap))
        parts.append(_row([_fit_width(cell, cell_width) for cell in row], gap, width))
    return np.concatenate(parts)


@functools.cache
def _palette(n: int) -> Picture:
    """Greedy farthest points in CIELAB among vivid colours that show on light and dark photos, uint8 (n, 3)."""
    steps = np.arange(0, 256, 15, dtype=np.float32)
    rgb = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1).reshape(-1, 3)
    lab = cv2.cvtColor(rgb[None] / np.float32(255), cv2.COLOR_RGB2Lab)[0]
    vivid = (np.hypot(lab[:, 1], lab[:, 2]) > 32) & (lab[:, 0] > 32) & (lab[:, 0] < 88)
    rgb, lab = rgb[vivid], lab[vivid]
    start = np.array([230, 60, 60], dtype=np.float32)
    chosen = [int(np.argmin(((rgb - start) ** 2).sum(axis=1)))]
    distance = np.full(len(rgb), np.inf)
    while len(chosen) < n:
        distance = np.minimum(distance, ((lab - lab[chosen[-1]]) ** 2).sum(axis=1))
        chosen.append(int(np.argmax(distance)))
    return np.asarray(rgb[chosen[:n]], dtype=np.uint8)


def _enlarge(picture: Picture, scale: int, *, exact: bool = False) -> Picture:
    """The picture `scale` times as large; `exact` repeats pixels."""
    if scale == 1:
        return picture
    method = cv2.INTER_NEAREST if exact else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(picture, None, fx=scale, fy=scale, interpolation=method), dtype=np.uint8)


def _tint(image: Picture, layers: Sequence[Picture], colors: Picture) -> Picture:
    """Garments in their colours with an outline, the rest of the photo in pale grey, pixels not judged darker."""
    grey = image.mean(axis=-1, keepdims=True, dtype=np.float32)
    out = 0.6 * grey + 0.1 * image + 0.3 * 255
    out[(layers[0] == _IGNORE)] *= 0.5
    for layer in layers:
        garment = layer < len(colors) - 1
        color = colors[np.minimum(layer, len(colors) - 1)].astype(np.float32)
        out[garment] = 0.3 * image[garment] + 0.7 * color[garment]
        outline = garment & _edges(layer)
        out[outline] = 0.55 * color[outline]
    return np.asarray(np.clip(out, 0, 255), dtype=np.uint8)


def _edges(layer: Picture) -> npt.NDArray[np.bool_]:
    """Pixels beside another label, bool (H, W)."""
    kernel = np.ones((3, 3), dtype=np.uint8)
    return np.asarray(cv2.dilate(layer, kernel) != cv2.erode(layer, kernel), dtype=np.bool_)


def _by_area(layers: npt.NDArray[np.integer], num_classes: int) -> list[int]:
    """The classes that are there, the largest first."""
    counts = np.bincount(layers.ravel().astype(np.int64), minlength=num_classes)[:num_classes]
    order = np.argsort(-counts, kind="stable")
    return [int(index) for index in order if counts[index]]


def _fit_width(cell: Picture, width: int) -> Picture:
    """The picture at the given width, its aspect kept."""
    height = max(1, round(cell.shape[0] * width / cell.shape[1]))
    method = cv2.INTER_AREA if width < cell.shape[1] else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(cell, (width, height), interpolation=method), dtype=np.uint8)


def _row(cells: Sequence[Picture], gap: int, width: int) -> Picture:
    """Pictures of one width side by side, their tops in line."""
    out = np.full((max(cell.shape[0] for cell in cells) + gap, width, 3), PAPER, dtype=np.uint8)
    left = gap
    for cell in cells:
        out[: cell.shape[0], left : left + cell.shape[1]] = cell
        left += cell.shape[1] + gap
    return out


def _headings(names: Sequence[str], cell_width: int, gap: int, width: int, size: int) -> Picture:
    """The names over their columns."""
    cells = [text_line(name, cell_width, size, color=QUIET) for name in names]
    return _row(cells, gap, width)[: cells[0].shape[0]]
