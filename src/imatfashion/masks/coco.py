"""COCO's masks: run counts, plain and compressed, and polygons.

COCO counts alternate between background and mask, beginning with background, over the pixels in column-major order.
The compressed form writes each count (from the fourth on: its difference to the one two before) in base 32, low digits
first, as characters from 48 on: bit 5 says that a digit follows, bit 4 of the last digit is the sign.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from pycocotools import mask as coco_mask

from imatfashion.masks.runs import RunError, Runs

Counts = npt.NDArray[np.int64]

_LONGEST_OUTLINE = 10_000_000
"""Pixels along the edges of a garment's polygons: as long as a line through each pixel of a photo of 10 megapixels.

pycocotools walks them in steps of a fifth of a pixel, asks for four ints a step and never looks whether it got them:
80 bytes a pixel, 800 MB at the limit, of which it fills 500.
"""
_MOST_DIGITS = 8
"""Base-32 digits of a number; more cannot be meant and would not fit 64 bits for long."""


def parse_coco_counts(counts: str | bytes | list[int], height: int, width: int) -> Runs:
    """Read COCO run counts, compressed (text) or not (a list).

    Args:
        counts: the `counts` of a COCO segmentation.
        height: rows of the photo, pixels.
        width: columns of the photo, pixels.

    Returns:
        The runs, touching ones joined.

    Raises:
        RunError: the counts are garbled, negative, or do not add up to the photo's pixels.
    """
    values = _plain(counts) if isinstance(counts, list) else _decompress(counts)
    if (values < 0).any():
        raise RunError(f"the count {values[values < 0][0]} is negative")
    size = height * width
    # Each count is checked first: a sum of huge ones could wrap around.
    if (values > size).any() or int(values.sum()) != size:
        raise RunError(f"the counts do not add up to the photo's {height} × {width} = {size} pixels")
    ends = np.cumsum(values)
    starts, lengths = ends[:-1:2], values[1::2]
    return _join(starts[lengths > 0], lengths[lengths > 0])


def to_coco_counts(runs: Runs, height: int, width: int) -> str:
    """Compressed COCO counts of a mask (height, width), as pycocotools writes them."""
    joined = _join(runs.starts.astype(np.int64), runs.lengths.astype(np.int64))
    ends = joined.starts + joined.lengths
    bounds = np.concatenate([[0], np.stack([joined.starts, ends], axis=1).ravel(), [height * width]])
    values = np.diff(bounds)
    if len(values) > 1 and values[-1] == 0:
        values = values[:-1]
    deltas = values.copy()
    deltas[3:] -= values[1:-2]
    return "".join(map(_digits, deltas.tolist()))


def polygons_to_runs(polygons: list[list[float]], height: int, width: int) -> Runs:
    """The union of polygons `[x, y, x, y, …]` as pycocotools rasterises them.

    Raises:
        RunError: no polygon, or one with too few corners, odd in length, not numbers, or far outside the photo; or
            edges too long to be walked.
    """
    if not polygons:
        raise RunError("the segmentation has no polygon")
    for polygon in polygons:
        _check_polygon(polygon, max(height, width))
    walk = sum(map(_walk, polygons))
    if walk > _LONGEST_OUTLINE:
        raise RunError(f"the polygons' edges are {walk:.0f} pixels long together, more than {_LONGEST_OUTLINE}")
    merged = coco_mask.merge(coco_mask.frPyObjects(polygons, height, width))
    return parse_coco_counts(merged["counts"], height, width)


def _check_polygon(polygon: object, longest: int) -> None:
    if not isinstance(polygon, list) or len(polygon) < 6 or len(polygon) % 2:
        raise RunError("a polygon is not a list of at least three x, y pairs")
    for value in polygon:
        if not isinstance(value, (int, float)) or isinstance(value, bool) or value != value:
            raise RunError(f"the polygon's coordinate {str(value)[:20]!r} is not a number")
        # Edges are walked pixel by pixel: one far corner would cost any amount of memory.
        if not -longest <= value <= 2 * longest:
            raise RunError(f"the polygon's coordinate {str(value)[:20]} lies far outside the photo")


def _walk(polygon: list[float]) -> float:
    """Pixels along a polygon's edges, the closing one included, the longer of across and down of each."""
    corners = np.asarray(polygon, dtype=np.float64).reshape(-1, 2)
    return float(np.abs(corners - np.roll(corners, 1, axis=0)).max(axis=1).sum())


def _plain(counts: Sequence[object]) -> Counts:
    for value in counts:
        if not isinstance(value, int) or isinstance(value, bool):
            raise RunError(f"the count {str(value)[:20]!r} is not a whole number")
        if abs(value) > 2**40:
            raise RunError(f"the count {str(value)[:20]} is too large")
    return np.array(counts, dtype=np.int64)


def _decompress(text: str | bytes) -> Counts:
    raw = text.encode("ascii", "replace") if isinstance(text, str) else text
    digits = np.frombuffer(raw, dtype=np.uint8).astype(np.int64) - 48
    if ((digits < 0) | (digits > 63)).any():
        raise RunError("the compressed counts have a character that does not belong there")
    last = np.flatnonzero(digits & 0x20 == 0)
    if not len(last) or last[-1] != len(digits) - 1:
        raise RunError("the compressed counts break off")
    first = np.concatenate([[0], last[:-1] + 1])
    sizes = last - first + 1
    if (sizes > _MOST_DIGITS).any():
        raise RunError("the compressed counts have a number that is too large")
    place = np.arange(len(digits)) - np.repeat(first, sizes)
    values = np.add.reduceat((digits & 0x1F) << (5 * place), first)
    values -= np.where(digits[last] & 0x10, np.int64(1) << (5 * sizes), 0)
    values[1::2] = np.cumsum(values[1::2])
    values[2::2] = np.cumsum(values[2::2])
    return values


def _digits(value: int) -> str:
    characters = []
    while True:
        digit, value = value & 0x1F, value >> 5
        done = value == (-1 if digit & 0x10 else 0)
        characters.append(chr(48 + (digit if done else digit | 0x20)))
        if done:
            return "".join(characters)


def _join(starts: Counts, lengths: Counts) -> Runs:
    """Runs of sorted, positive, disjoint pairs, touching ones joined."""
    fresh = np.ones(len(starts), dtype=np.bool_)
    fresh[1:] = starts[1:] != starts[:-1] + lengths[:-1]
    firsts = np.flatnonzero(fresh)
    joined = np.add.reduceat(lengths, firsts) if len(firsts) else lengths
    return Runs(starts[firsts].astype(np.int32), joined.astype(np.int32))
