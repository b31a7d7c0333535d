"""The notebooks' recipe on fastai for a given time, to compare its maps with ours; run in an environment with fastai.

usage: python fastai_run.py DATA OUT --val NAMES [--minutes 30] [--size 128] [--batch 16] [--weights FILE.safetensors]

DATA has the competition's layout, NAMES is a text file of validation photos or a run's split.json. DynamicUnet,
squashed photos, fastai's usual augmentation, one cycle at --rate; as many whole epochs as --minutes hold by the speed
of the first steps. Without --weights the backbone is torchvision's resnet34 from random weights, as the notebooks had
it; with them it is timm's tf_efficientnet_lite0. Index PNGs of the validation photos are written to OUT at the photos'
own size, the background being the number of classes; quality.py compares them with the truth.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from fastai.vision.all import (
    CrossEntropyLossFlat,
    DataBlock,
    DataLoaders,
    DynamicUnet,
    ImageBlock,
    IndexSplitter,
    Learner,
    MaskBlock,
    Normalize,
    Resize,
    ResizeMethod,
    apply_init,
    aug_transforms,
    create_unet_model,
    imagenet_stats,
    params,
    resnet34,
)
from index_maps import held_out, write_labels
from PIL import Image
from torch import nn

MEASURED = 6
"""Steps whose speed decides the number of epochs."""


def network(weights: Path | None, labels: int, size: int) -> tuple[nn.Module, Callable[[nn.Module], Any]]:
    """The U-Net of fastai, and how its weights are divided into groups."""
    if weights is None:
        return create_unet_model(resnet34, labels, (size, size), pretrained=False), params
    import timm
    from safetensors.torch import load_file

    whole = timm.create_model("tf_efficientnet_lite0", pretrained=False)
    whole.load_state_dict(load_file(weights), strict=False)
    body = nn.Sequential(whole.conv_stem, whole.bn1, *whole.blocks)
    model = DynamicUnet(body, labels, (size, size))
    apply_init(model[2:], nn.init.kaiming_normal_)
    return model, lambda made: [params(made[0]), params(made[1:])]


def load(data: Path, labels: Path, background: int, held: set[str], args: argparse.Namespace) -> DataLoaders:
    """The training photos; fastai wants some to validate, which are training photos too."""
    train = [path for path in sorted((data / "train").glob("*.jpg")) if path.name not in held]
    stats = imagenet_stats if args.weights is None else ([0.5] * 3, [0.5] * 3)
    block = DataBlock(
        (ImageBlock, MaskBlock(list(range(background + 1)))),
        get_y=lambda path: labels / f"{path.stem}.png",
        splitter=IndexSplitter(range(args.batch)),
        item_tfms=Resize(args.size, ResizeMethod.Squish),
        batch_tfms=[*aug_transforms(size=args.size), Normalize.from_stats(*stats)],
    )
    return block.dataloaders(train, bs=args.batch, num_workers=0)


def epochs_in(learner: Learner, seconds: float) -> int:
    """Whole epochs that a time holds; the steps that measure it count as warm-up and change the weights a little."""
    batches = iter(learner.dls.train)
    learner.create_opt()
    for step in range(MEASURED + 1):
        if step == 1:  # the first one warms up
            started = time.perf_counter()
        images, masks = next(batches)
        learner.loss_func(learner.model(images), masks).backward()
        learner.model.zero_grad()
    one = (time.perf_counter() - started) / MEASURED
    return max(1, round(seconds / (one * len(learner.dls.train))))


def write_maps(learner: Learner, photos: list[Path], out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    learner.model.eval()
    done = 0
    with torch.no_grad():
        for (batch,) in learner.dls.test_dl(photos):
            for labels in learner.model(batch).argmax(1).numpy().astype(np.uint8):
                size = Image.open(photos[done]).size
                found = Image.fromarray(labels).resize(size, Image.Resampling.NEAREST)
                found.save(out / f"{photos[done].stem}.png")
                done += 1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--val", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--weights", type=Path)
    args = parser.parse_args()
    held = held_out(args.val)
    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as name:
        background = write_labels(args.data, Path(name))
        data = load(args.data, Path(name), background, held, args)
        model, splitter = network(args.weights, background + 1, args.size)
        learner = Learner(data, model, loss_func=CrossEntropyLossFlat(axis=1), splitter=splitter, wd=1e-2)
        started, processor = time.perf_counter(), time.process_time()
        with learner.no_bar():
            epochs = epochs_in(learner, 60 * args.minutes)
            print(f"{epochs} epochs of {len(data.train_ds)} photos", flush=True)
            learner.fit_one_cycle(epochs, args.rate)
        wall, processor = time.perf_counter() - started, time.process_time() - processor
        print(f"trained for {wall / 60:.1f} min, {processor / 60:.1f} min of a processor")
        write_maps(learner, [args.data / "train" / photo for photo in sorted(held)], args.out)


if __name__ == "__main__":
    main()
