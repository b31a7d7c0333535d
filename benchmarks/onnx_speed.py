"""Exported networks beside torch: largest difference over photos, and photos a second of both, side by side.

usage: python benchmarks/onnx_speed.py CLASSES.ckpt [--attributes ATTRIBUTES.ckpt] --photos DIR [--count 50] [--batch 4]

The photos are rendered for the networks beforehand, so that the networks alone are timed, normalisation included. Torch
runs channels_last in inference mode, onnxruntime with its own optimisations, both on the same number of threads
(--threads, one by default). The two take turns, --rounds times each; the fastest round counts, and all are shown.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
from measuring import machine

from imatfashion.apps.export.check import compare, regions_of_labels, seen_by, session
from imatfashion.apps.export.onnx_file import Exported, to_onnx
from imatfashion.apps.export.photos import choose_photos
from imatfashion.models.normalise import Normalise

Inputs = list[dict[str, np.ndarray]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("classes", type=Path)
    parser.add_argument("--attributes", type=Path)
    parser.add_argument("--photos", type=Path)
    parser.add_argument("--count", type=int, default=50)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    print(machine())
    photos = list(choose_photos(args.photos, None, args.count))
    classes = to_onnx(args.classes, "classes")
    attributes = to_onnx(args.attributes, "attributes") if args.attributes else None
    for name, difference in zip(("classes", "attributes"), compare(photos, classes, attributes), strict=False):
        print(f"{name}: {difference}")
    parts = [photos[first : first + args.batch] for first in range(0, len(photos), args.batch)]
    inputs: Inputs = [{"image": seen_by(classes.spec, part)} for part in parts]
    race("classes", classes, inputs, len(photos), args.threads, args.rounds)
    if attributes is not None:
        garments = list(with_garments(classes, attributes, parts, inputs))
        race("attributes", attributes, garments, len(photos), args.threads, args.rounds)


def with_garments(
    classes: Exported, attributes: Exported, parts: list[Any], inputs: Inputs
) -> Iterator[dict[str, Any]]:
    """Inputs of the attribute classifier: the garments that the segmenter finds."""
    file = session(classes.data)
    for part, given in zip(parts, inputs, strict=True):
        labels = file.run(None, given)[0].argmax(2).astype(np.uint8)
        regions, owner, kinds = regions_of_labels(labels, attributes.spec)
        masks = (regions[owner] == np.arange(len(owner))[:, None, None, None]).any(axis=1)
        image = seen_by(attributes.spec, part)
        yield {"image": image, "masks": masks, "garment_photo": owner, "garment_class": kinds, "regions": regions}


def race(name: str, exported: Exported, inputs: Inputs, photos: int, threads: int, rounds: int) -> None:
    file = session(exported.data, threads)
    network: Any = exported.network.to(memory_format=torch.channels_last)
    normalise = Normalise(exported.spec)

    def in_torch(given: dict[str, np.ndarray]) -> None:
        image = normalise(torch.from_numpy(given["image"]).permute(0, 3, 1, 2)).contiguous(
            memory_format=torch.channels_last
        )
        more = [torch.from_numpy(given[key]) for key in ("regions", "garment_photo", "garment_class") if key in given]
        scores = network(image, *more)
        scores.sigmoid() if more else scores.softmax(2)

    def in_onnx(given: dict[str, np.ndarray]) -> None:
        file.run(None, {key: value for key, value in given.items() if key != "regions"})

    ways = {"torch": in_torch, "onnxruntime": in_onnx}
    taken: dict[str, list[float]] = {way: [] for way in ways}
    with torch.inference_mode():
        for work in ways.values():
            work(inputs[0])  # the first call plans and allocates
        for _ in range(rounds):
            for way, work in ways.items():
                taken[way].append(seconds_of(work, inputs))
    for way, times in taken.items():
        each = ", ".join(f"{photos / seconds:.1f}" for seconds in times)
        print(f"{name}, {way}: {photos / min(times):.1f} photos/s (rounds: {each})")
    print(f"{name}: onnxruntime / torch = {min(taken['torch']) / min(taken['onnxruntime']):.2f}")


def seconds_of(work: Callable[[dict[str, np.ndarray]], None], inputs: Inputs) -> float:
    start = time.perf_counter()
    for given in inputs:
        work(given)
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
