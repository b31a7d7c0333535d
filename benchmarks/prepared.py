"""Training samples a second and core from a data set as it came, and from the same data set prepared.

usage: python benchmarks/prepared.py [--photos 24] [--resolution 224] [--rounds 5] [--data DIR]
Without --data, photos of 3000 × 2000 pixels are drawn (some 3 s each). Samples are made in one process and thread, with
the default augmentation, from both in turn, and each photo is read once a round; files lie in the page cache. Rates are
per second of processor time, so that other work on the machine hardly counts; wall time is printed beside them.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
import torch
from measuring import machine, seconds
from samples import training_samples

from imatfashion.data.annotations import Annotations
from imatfashion.data.build import open_table
from imatfashion.data.dataset import FashionDataset
from imatfashion.data.prepare import prepare
from imatfashion.data.sample import draw_sample

FULL = 45_195
"""Photos of the competition's training set."""
LABELS = ("as they came", "prepared")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--photos", type=int, default=24)
    parser.add_argument("--resolution", type=int, default=224)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--data", type=Path, help="a data set of your own")
    args = parser.parse_args()
    cv2.setNumThreads(0)
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        root = args.data or Path(folder) / "drawn"
        if args.data is None:
            draw_sample(root, photos=args.photos, size=(3000, 2000))
        print(machine())
        measure(root, Path(folder) / "prepared", args)


def measure(root: Path, out: Path, args: argparse.Namespace) -> None:
    raw = open_table(root)
    cost = costs(root, out, args.resolution, raw)
    tables = (raw, open_table(out))
    samples = [training_samples(table, args.resolution, args.photos) for table in tables]
    count = len(samples[0])
    for one in samples:  # files into the page cache, code warm
        one[0], [one.photos.load(photo) for photo in range(count)]
    found = np.array([[rate(one, epoch) for one in samples] for epoch in range(args.rounds)])
    cpu, wall = np.median(found, axis=0).T
    for label, table, *rates in zip(LABELS, tables, cpu, wall, strict=True):
        print(f"{label:>12}: {rates[0]:7.1f} photos/s of a core ({rates[1]:.1f} by the clock), {sizes(table, count)}")
    spread = found[:, 1, 0] / found[:, 0, 0]
    print(
        f"{'ratio':>12}: {cpu[1] / cpu[0]:7.1f} × at {args.resolution} (rounds {spread.min():.1f} … {spread.max():.1f})"
    )
    print(cost)


def rate(samples: FashionDataset, epoch: int) -> tuple[float, float]:
    """Samples a second of this core, and by the clock."""
    wall, cpu, _ = seconds(lambda: [samples[(epoch, index)] for index in range(len(samples))])
    return len(samples) / cpu, len(samples) / wall


def sizes(table: Annotations, count: int) -> str:
    height, width = np.median([table.size(photo) for photo in range(count)], axis=0)
    return f"{height:.0f} × {width:.0f} pixels (median)"


def costs(root: Path, out: Path, resolution: int, raw: Annotations) -> str:
    """What preparing takes, in time and on disk, and would take for the whole competition."""
    assert raw.photo_dir is not None
    before = sum((raw.photo_dir / raw.name(photo)).stat().st_size for photo in range(len(raw)))
    cpu = time.process_time()
    report = prepare(root, out, resolution=resolution, workers=1, progress=False)
    core = (time.process_time() - cpu) / report.photos
    each = report.bytes / report.photos
    shrunk = f"{before / report.photos / 1e3:.0f} kB become {each / 1e3:.1f} kB with masks"
    return (
        f"preparing {report.photos} photos: {1e3 * core:.0f} ms of a core a photo; {shrunk}, in "
        f"{len(list(out.iterdir()))} files\n"
        f"extrapolated to {FULL:,} photos: {FULL * core / 60:.0f} minutes of a core, {FULL * each / 1e9:.2f} GB"
    )


if __name__ == "__main__":
    main()
