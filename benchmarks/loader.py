"""Photos to training samples: our data set against fastai's loader and a plain one of PIL and pycocotools, per core.

usage: python benchmarks/loader.py [--photos 24] [--sizes 224 512] [--rounds 5] [--peer-python PATH]

Photos of 3000 × 2000 pixels, about 1 MB each, with 7 garments of 500 to 1,500 runs (drawn photos enlarged, with noise;
drawn masks scaled). One process, one thread; figures are processor time, so that other work on the machine hardly
counts. The plain loader decodes the photo whole, decodes each mask at the photo's size, resizes, and augments by
albumentations at the sample's size with the same changes and chances; it makes labels only, ours makes label and region
maps. --peer-python is the Python of an environment with fastai, whose loader reads masks from PNGs (fastai_loader.py);
without it fastai is left out. All go over the photos in turn, --rounds times; each one's fastest round counts, and the
range is that of the ratios within a round.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterable
from itertools import count, product
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")

import albumentations
import cv2
import numpy as np
import numpy.typing as npt
import torch
from made_csv import Shape, drawn_shapes, scaled_runs
from measuring import Contender, machine, one_thread
from PIL import Image
from pycocotools import mask as coco
from samples import training_samples

from imatfashion.config.schema import AugmentConfig
from imatfashion.data.annotations import Annotations
from imatfashion.data.augment import Augmenter
from imatfashion.data.build import open_table
from imatfashion.data.dataset import FashionDataset
from imatfashion.data.render import paint_owners, render
from imatfashion.data.sample.photo import draw_photo
from imatfashion.data.views import training_view

HEIGHT, WIDTH, GARMENTS, CLASSES = 3000, 2000, 7, 46
TARGETS = {224: 8.0, 512: 6.0}


def write_photos(folder: Path, photos: int) -> None:
    """A data set of large photos in the 2019 layout."""
    (folder / "train").mkdir(parents=True)
    labels = {"categories": [{"id": i, "name": f"class {i}"} for i in range(CLASSES)]}
    (folder / "label_descriptions.json").write_text(json.dumps(labels))
    rng, shapes = np.random.default_rng(0), drawn_shapes(10)
    with (folder / "train.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("ImageId", "EncodedPixels", "Height", "Width", "ClassId"))
        for index in range(photos):
            name = f"{index:03}.jpg"
            _write_photo(folder / "train" / name, index, rng)
            for _ in range(GARMENTS):
                writer.writerow((name, _text(shapes, rng), HEIGHT, WIDTH, int(rng.integers(CLASSES))))


def _write_photo(path: Path, index: int, rng: np.random.Generator) -> None:
    drawn = draw_photo(np.random.default_rng([1, index]), (HEIGHT // 4, WIDTH // 4)).image
    large = cv2.resize(drawn, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC).astype(np.float32)
    noise = rng.normal(0, 6, (HEIGHT, WIDTH, 1)).astype(np.float32)
    Image.fromarray(np.clip(large + noise, 0, 255).astype(np.uint8)).save(path, quality=80)


def _text(shapes: list[Shape], rng: np.random.Generator) -> str:
    shape = shapes[rng.integers(len(shapes))]
    return " ".join(map(str, scaled_runs(shape, int(rng.integers(500, 1501)), HEIGHT, WIDTH, rng).tolist()))


class PlainLoader:
    """The loader that one writes without a second thought; its run lists are parsed beforehand."""

    def __init__(self, table: Annotations, size: int, config: AugmentConfig) -> None:
        assert table.photo_dir is not None
        self.paths = [table.photo_dir / table.name(photo) for photo in range(len(table))]
        self.masks = [[_counts(table, garment) for garment in table.garments(photo)] for photo in range(len(table))]
        chance = config.probability
        light = {"brightness": (1.0, 1.0), "contrast": (1.0, 1.0), "saturation": (1.0, 1.0), "hue": (0.0, 0.0)}
        self.transform = albumentations.Compose(
            [
                albumentations.Resize(size, size, interpolation=cv2.INTER_AREA),
                albumentations.HorizontalFlip(p=0.5),
                albumentations.Affine(
                    scale=(1 - config.scale, 1 + config.scale),
                    translate_percent=(-config.shift, config.shift),
                    fill_mask=255,
                    p=chance,
                ),
                albumentations.Rotate(limit=config.rotate, fill_mask=255, border_mode=cv2.BORDER_CONSTANT, p=chance),
                albumentations.ColorJitter(**light | {"brightness": (0.8, 1.2)}, p=chance),
                albumentations.ColorJitter(**light | {"contrast": (0.8, 1.2)}, p=chance),
            ],
            strict=True,
        )

    def __getitem__(self, photo: int) -> tuple[torch.Tensor, torch.Tensor]:
        image = np.asarray(Image.open(self.paths[photo]).convert("RGB"))
        labels = np.full(image.shape[:2], CLASSES, dtype=np.uint8)
        for class_index, counts in self.masks[photo]:
            labels[coco.decode(counts).astype(bool)] = class_index
        changed = self.transform(image=image, mask=labels)
        return torch.from_numpy(changed["image"].transpose(2, 0, 1).copy()), torch.from_numpy(changed["mask"])


def _counts(table: Annotations, garment: int) -> tuple[int, dict[str, Any]]:
    height, width = table.size(int(table.garment_photo[garment]))
    runs = table.runs(garment)
    bounds = np.stack([runs.starts, runs.starts + runs.lengths], axis=1).ravel()
    plain = np.diff(np.concatenate([[0], bounds, [height * width]])).tolist()
    counts = coco.frPyObjects({"size": [height, width], "counts": plain}, height, width)
    return int(table.garment_class[garment]), counts


def split(table: Annotations, data: FashionDataset, size: int, config: AugmentConfig) -> dict[str, float]:
    """Milliseconds of processor time that a photo's parts take, one after another."""
    times = dict.fromkeys(("read and decode", "paint", "augment"), 0.0)
    augmenter = Augmenter(config)

    def timed(name: str, work: Callable[[], Any]) -> Any:
        start = time.process_time()
        value = work()
        times[name] += 1e3 * (time.process_time() - start) / len(table)
        return value

    for photo in range(len(table)):
        shape, rng = table.size(photo), np.random.default_rng((0, photo))
        view = training_view(*shape, size, "squash", augment=config, rng=rng)
        image = timed("read and decode", lambda p=photo, s=shape, v=view: render(data.photos.load(p), s, v))
        owners = timed("paint", lambda p=photo, s=shape, v=view: paint_owners(table, p, v, s, data.layer_of_class))
        timed("augment", lambda i=image, o=owners, p=photo: augmenter(i, o, (0, p)))
    return times


def per_photo(loader: Any, keys: Iterable[Any]) -> float:
    """Seconds of processor time a sample."""
    start = time.process_time()
    samples = sum(loader[key] is not None for key in keys)
    return (time.process_time() - start) / samples


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=int, default=24)
    parser.add_argument("--sizes", type=int, nargs="+", default=[224, 512])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--peer-python")
    args = parser.parse_args()
    cv2.setNumThreads(0)
    torch.set_num_threads(1)
    print(machine())
    with tempfile.TemporaryDirectory() as folder:
        write_photos(Path(folder) / "data", args.photos)
        table = open_table(Path(folder) / "data")
        assert len(table) == args.photos, table.refused
        size = np.mean([path.stat().st_size for path in (Path(folder) / "data/train").iterdir()])
        runs = len(np.concatenate([table.runs(garment).starts for garment in range(len(table.garment_class))]))
        print(f"{args.photos} photos of {HEIGHT} × {WIDTH}, {size / 1e6:.2f} MB; {runs / args.photos:.0f} runs a photo")
        for side in args.sizes:
            compare(Path(folder) / "data", table, side, args)


def compare(folder: Path, table: Annotations, side: int, args: argparse.Namespace) -> None:
    config, data, photos = AugmentConfig(), training_samples(table, side), range(len(table))
    plain = PlainLoader(table, side, config)
    epochs = count()
    rounds: dict[str, Callable[[], float]] = {
        "ours": lambda: per_photo(data, product([next(epochs)], photos)),
        "plain loader": lambda: per_photo(plain, photos),
    }
    if args.peer_python:
        script = Path(__file__).with_name("fastai_loader.py")
        fastai = Contender([args.peer_python, script, folder, str(side)], one_thread())
        rounds["fastai"] = lambda: fastai(1)["cpu"]
    data[0], plain[0]
    times = {name: np.zeros(args.rounds) for name in rounds}
    for round_ in range(args.rounds):
        for name, once in rounds.items():
            times[name][round_] = once()
    if args.peer_python:
        fastai.close()
    report(times, split(table, data, side, config), side)


def report(times: dict[str, npt.NDArray[np.float64]], parts: dict[str, float], side: int) -> None:
    print(f"\n{side} × {side}, ms a photo, the fastest of {len(times['ours'])} rounds")
    ours = times["ours"]
    for name, theirs in times.items():
        best = theirs.min()
        print(f"{name:>12}: {1e3 * best:6.1f} ms = {1 / best:5.1f} images/s a core", end="")
        if name == "ours":
            print()
            continue
        ratios = theirs / ours
        print(f"; {best / ours.min():.1f} × ours, by rounds {ratios.min():.1f} to {ratios.max():.1f}", end="")
        print(f" (target {TARGETS.get(side, 0):.0f})")
    rest = 1e3 * ours.min() - sum(parts.values())
    print("ours, ms: " + ", ".join(f"{name} {value:.1f}" for name, value in parts.items()) + f", rest {rest:.1f}")


if __name__ == "__main__":
    main()
