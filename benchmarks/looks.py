"""What averaged looks and filters cost a photo, beside one look, in processor time of one thread.

usage: python benchmarks/looks.py RUN/checkpoints/best.ckpt PHOTOS [--photos 20]

From a decoded photo to its scores, as `predict.py` makes them on a processor; all ways in turn on each photo, so that
the ratios bear a busy machine. Decoding, cutting into garments and writing come on top and are the same for all.
"""

from __future__ import annotations

import argparse
from functools import partial
from itertools import islice
from pathlib import Path
from statistics import median

import cv2
import torch
from measuring import machine, seconds

from imatfashion.predict.inputs import read_input
from imatfashion.predict.looks import LookOptions
from imatfashion.predict.predictor import Predictor

WAYS = {
    "one look": LookOptions(),
    "tta=flip": LookOptions(flip=True),
    "tta=flip tta_scales=[0.75,1,1.25]": LookOptions(flip=True, scales=(0.75, 1.0, 1.25)),
    "guided_filter=true": LookOptions(guided_filter=True),
    "dense_crf=true": LookOptions(dense_crf=True),
    "dense_crf=true guided_filter=true": LookOptions(dense_crf=True, guided_filter=True),
}


def measure(predictors: dict[str, Predictor], photos: list[Path]) -> dict[str, list[float]]:
    """Processor seconds of each way on each photo but the first, which warms up."""
    times: dict[str, list[float]] = {way: [] for way in predictors}
    for index, path in enumerate(photos):
        for way, predictor in predictors.items():
            photo = read_input(path.name, path, predictor.looks)
            if photo.problem:
                raise SystemExit(f"{path}: {photo.problem}")
            cpu = seconds(partial(predictor.class_stage.scores, [photo], 1))[1]
            if index:
                times[way].append(cpu)
    return times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--photos", type=int, default=20)
    args = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(0)
    photos = list(islice(sorted(args.folder.glob("*.jpg")), args.photos + 1))
    if len(photos) < 2:
        parser.error(f"{args.folder} has fewer than two photos *.jpg")
    predictors = {way: Predictor.load(args.checkpoint, options=options) for way, options in WAYS.items()}
    print(machine())
    times = measure(predictors, photos)
    plain = times["one look"]
    for way, found in times.items():
        ratio = median(each / one for each, one in zip(found, plain, strict=True))
        more = median(each - one for each, one in zip(found, plain, strict=True))
        print(f"{way:>34}: {median(found):.2f} s CPU a photo, {more:+.2f} s, {ratio:.2f} × one look")


if __name__ == "__main__":
    main()
