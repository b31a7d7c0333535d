"""fastai's loader over a data set: batches as the notebooks trained on; run by loader.py in an environment with fastai.

usage: python fastai_loader.py DATA SIDE [--batch 8]

DATA has the competition's layout; its masks are written as PNGs beforehand, which is not counted (the notebooks parsed
and painted runs for each sample). One process, one thread: photos decoded whole and squashed by PIL, then fastai's
augmentation and normalisation of a batch. Each line of its input is a number of rounds over the photos, answered by
{"cpu": seconds of processor time a photo}.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

import torch
from fastai.vision.all import (
    DataBlock,
    DataLoaders,
    ImageBlock,
    MaskBlock,
    Normalize,
    Resize,
    ResizeMethod,
    aug_transforms,
    imagenet_stats,
)
from index_maps import write_labels


def load(data: Path, labels: Path, background: int, side: int, batch: int) -> DataLoaders:
    """All photos of a data set to train on; fastai wants some to validate, which are training photos too."""
    photos = sorted((data / "train").glob("*.jpg"))
    block = DataBlock(
        (ImageBlock, MaskBlock(list(range(background + 1)))),
        get_y=lambda path: labels / f"{path.stem}.png",
        splitter=lambda items: (list(range(len(items))), [0]),
        item_tfms=Resize(side, ResizeMethod.Squish),
        batch_tfms=[*aug_transforms(size=side), Normalize.from_stats(*imagenet_stats)],
    )
    return block.dataloaders(photos, bs=batch, num_workers=0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("side", type=int)
    parser.add_argument("--batch", type=int, default=8)
    args = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as name:
        background = write_labels(args.data, Path(name))
        batches = load(args.data, Path(name), background, args.side, args.batch).train
        for line in sys.stdin:
            start = time.process_time()
            photos = sum(len(images) for _ in range(int(line)) for images, _ in batches)
            print(json.dumps({"cpu": (time.process_time() - start) / photos}), flush=True)


if __name__ == "__main__":
    main()
