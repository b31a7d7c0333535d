"""A train.csv of the full competition's size, made from the shapes of drawn masks; no photos.

331,213 rows over 45,195 photos, about a third of them 3000 × 2000, the others of thousands of sizes between 296 and
8,688 rows; 500 to 1,500 runs a mask where the photo is large enough for them; 11,499 rows have attributes.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from imatfashion.data.sample.photo import draw_photo

ROWS, PHOTOS, DESCRIBED = 331_213, 45_195, 11_499
CLASSES, ATTRIBUTES = 46, 92
_COLUMNS = ("ImageId", "EncodedPixels", "Height", "Width", "ClassId")
_SHORTEST, _TALLEST = 296, 8_688
_FEWEST_RUNS, _MOST_RUNS = 500, 1_500


class Shape(NamedTuple):
    """A drawn mask as its runs: column, first row and end row of each (n,), as shares of the mask's box."""

    column: npt.NDArray[np.float64]
    top: npt.NDArray[np.float64]
    bottom: npt.NDArray[np.float64]


def write_data_set(folder: Path, share: float, seed: int = 0) -> dict[str, int]:
    """Write folder/train.csv and folder/label_descriptions.json.

    Args:
        folder: made if it is missing.
        share: part of the full size, such as 0.01.
        seed: the same seed gives the same bytes.

    Returns:
        rows, photos, runs and bytes of the CSV.
    """
    folder.mkdir(parents=True, exist_ok=True)
    labels = {
        name: [{"id": i, "name": f"{word} {i}", "supercategory": "", "level": 2} for i in range(count)]
        for name, word, count in (("categories", "class", CLASSES), ("attributes", "attribute", ATTRIBUTES))
    }
    (folder / "label_descriptions.json").write_text(json.dumps(labels))
    rng = np.random.default_rng(seed)
    shapes = drawn_shapes()
    path = folder / "train.csv"
    photos, rows = max(1, round(PHOTOS * share)), max(1, round(ROWS * share))
    runs = 0
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(_COLUMNS)
        for photo in range(photos):
            name, (height, width) = rng.bytes(16).hex() + ".jpg", _size(rng)
            for _ in range(rows * (photo + 1) // photos - rows * photo // photos):
                values = _mask(shapes[rng.integers(len(shapes))], height, width, rng)
                runs += len(values) // 2
                writer.writerow((name, " ".join(map(str, values.tolist())), height, width, _label(rng)))
    return {"rows": rows, "photos": photos, "runs": runs, "bytes": path.stat().st_size}


def drawn_shapes(photos: int = 30) -> list[Shape]:
    """The shapes of the masks of some drawn photos."""
    return [
        _shape(piece.mask)
        for index in range(photos)
        for piece in draw_photo(np.random.default_rng([7, index]), (600, 400)).pieces
        if piece.mask.sum() > 200
    ]


def _shape(mask_HW: npt.NDArray[np.bool_]) -> Shape:
    rows, cols = np.flatnonzero(mask_HW.any(axis=1)), np.flatnonzero(mask_HW.any(axis=0))
    box = mask_HW[rows[0] : rows[-1] + 1, cols[0] : cols[-1] + 1]
    height, width = box.shape
    # Transposed, runs down the columns follow one another.
    steps = np.diff(np.pad(box.T.astype(np.int8), ((0, 0), (1, 1))), axis=1)
    column, top = np.nonzero(steps == 1)
    _, bottom = np.nonzero(steps == -1)
    return Shape(column / width, top / height, bottom / height)


def _size(rng: np.random.Generator) -> tuple[int, int]:
    if rng.random() < 0.35:
        return 3000, 2000
    height = int(np.clip(rng.lognormal(np.log(2200), 0.5), _SHORTEST, _TALLEST))
    return height, max(_SHORTEST, round(height * rng.uniform(0.55, 0.8)))


def scaled_runs(shape: Shape, runs: int, height: int, width: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """A shape as about `runs` runs somewhere on a photo.

    Returns:
        start, length, start, length, …, starts from 1; int64 (2n,).
    """
    per_column = len(shape.column) / len(np.unique(shape.column))
    columns = int(np.clip(runs / per_column, 1, width))
    wanted = np.arange(columns) / columns
    first = np.searchsorted(shape.column, _at_or_before(shape.column, wanted), side="left")
    last = np.searchsorted(shape.column, _at_or_before(shape.column, wanted), side="right")
    counts = last - first
    column = np.repeat(np.arange(columns), counts)
    source = np.arange(len(column)) - np.repeat(np.cumsum(counts) - counts, counts) + np.repeat(first, counts)
    tall = int(height * rng.uniform(0.15, 0.6))
    # An uneven edge, as hand-drawn masks have: a column lies up to two pixels higher or lower than its neighbour.
    shift = rng.integers(2, max(3, height - tall - 2)) + rng.integers(-2, 3, columns)[column]
    top = (shape.top[source] * tall).astype(np.int64) + shift
    bottom = (shape.bottom[source] * tall).astype(np.int64) + shift
    kept = (bottom > top) & (top >= 0) & (bottom <= height)
    start = (column + rng.integers(0, width - columns + 1)) * height + top + 1
    return np.stack([start[kept], (bottom - top)[kept]], axis=1).ravel()


def _at_or_before(values: npt.NDArray[np.float64], wanted: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return values[np.maximum(np.searchsorted(values, wanted, side="right") - 1, 0)]


def _mask(shape: Shape, height: int, width: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    runs = min(_FEWEST_RUNS + rng.exponential(170), _MOST_RUNS)
    return scaled_runs(shape, int(runs), height, width, rng)


def _label(rng: np.random.Generator) -> str:
    ids: Iterator[int] = iter([int(rng.integers(CLASSES))])
    if rng.random() < DESCRIBED / ROWS:
        ids = iter([int(rng.integers(13)), *sorted(rng.choice(ATTRIBUTES, rng.integers(1, 7), replace=False).tolist())])
    return "_".join(map(str, ids))
