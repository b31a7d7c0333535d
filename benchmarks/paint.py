"""Masks of a photo painted at a size: from runs directly, against decoding each with pycocotools and resizing.

usage: python benchmarks/paint.py [--height 3000] [--width 2000] [--garments 7] [--size 512]
Prints milliseconds a photo (median) of both and their ratio; the two label maps are checked to be equal.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
from pycocotools import mask as coco

from imatfashion.masks.paint import Sampler
from imatfashion.masks.runs import Runs, encode_mask
from imatfashion.masks.view import View


def blobs(height: int, width: int, garments: int) -> list[Runs]:
    """Ellipses about as large as garments, the largest first."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:height, :width]
    found = []
    for _ in range(garments):
        top, left = rng.uniform(0.2, 0.8, 2) * (height, width)
        tall, wide = rng.uniform(0.05, 0.25, 2) * (height, width)
        found.append(encode_mask(((y - top) / tall) ** 2 + ((x - left) / wide) ** 2 < 1))
    return sorted(found, key=lambda runs: -runs.area)


def ours(masks: list[Runs], height: int, width: int, size: int) -> np.ndarray:
    view = View.squash(height, width, size, size)
    sampler = Sampler(height, width, view.rows(height), view.cols(width))
    labels = np.full((size, size), 255, dtype=np.uint8)
    for value, runs in enumerate(masks):
        sampler.paint(labels, runs, value)
    return labels


def peer(counts: list[dict[str, object]], height: int, width: int, size: int) -> np.ndarray:
    full = np.full((height, width), 255, dtype=np.uint8)
    for value, rle in enumerate(counts):
        full[coco.decode(rle).astype(bool)] = value
    rows, cols = ((2 * np.arange(size) + 1) * side // (2 * size) for side in (height, width))
    return full[rows][:, cols]


def median_ms(work: Callable[[], object], repeats: int) -> float:
    work()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return 1e3 * float(np.median(times))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--height", type=int, default=3000)
    parser.add_argument("--width", type=int, default=2000)
    parser.add_argument("--garments", type=int, default=7)
    parser.add_argument("--size", type=int, default=512)
    args = parser.parse_args()
    masks = blobs(args.height, args.width, args.garments)
    shape = (args.height, args.width, args.size)
    counts = [coco.encode(np.asfortranarray(_dense(runs, args.height, args.width))) for runs in masks]
    assert np.array_equal(ours(masks, *shape), peer(counts, *shape))
    mine, theirs = median_ms(lambda: ours(masks, *shape), 100), median_ms(lambda: peer(counts, *shape), 10)
    print(f"{sum(len(runs.starts) for runs in masks)} runs of {args.garments} garments, {args.height} × {args.width}")
    print(f"painted at {args.size}: {mine:.2f} ms; decoded with pycocotools and sampled: {theirs:.1f} ms")
    print(f"ratio: {theirs / mine:.0f} ×")


def _dense(runs: Runs, height: int, width: int) -> np.ndarray:
    from imatfashion.masks.runs import decode_runs

    return decode_runs(runs, height, width).astype(np.uint8)


if __name__ == "__main__":
    main()
