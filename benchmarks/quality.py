"""Label maps against the truth at the photos' own size, pooled over the validation photos.

usage: python benchmarks/quality.py DATA --val NAMES NAME=FOLDER …

DATA has the competition's layout, NAMES is a text file of validation photos or a run's split.json; each FOLDER has an
index PNG a photo, as `predict.py format=png size=photo` and fastai_run.py write them: any value that is no class is
background. mIoU is the mean over the classes that the truth has, without the background; its second figure is over
those of at least ten validation photos, its third counts the background as a class, as some programs do.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
import numpy.typing as npt
from index_maps import held_out, write_labels
from PIL import Image

MANY = 10


def confusion(truth: npt.NDArray[np.uint8], found: npt.NDArray[np.uint8], classes: int) -> npt.NDArray[np.int64]:
    """Pixels by true and found label, (C + 1, C + 1), background last."""
    pairs = truth.ravel().astype(np.int64) * (classes + 1) + np.minimum(found.ravel(), classes)
    return np.bincount(pairs, minlength=(classes + 1) ** 2).reshape(classes + 1, classes + 1)


def line(name: str, pixels: npt.NDArray[np.int64], photos: npt.NDArray[np.int64]) -> str:
    hits = np.diag(pixels)
    union = pixels.sum(0) + pixels.sum(1) - hits
    iou, background = np.split(hits / np.maximum(union, 1), [-1])
    return (
        f"{name:>16}: pixel accuracy {hits.sum() / pixels.sum():.4f}, "
        f"foreground accuracy {hits[:-1].sum() / pixels[:-1].sum():.4f}, "
        f"mIoU {iou[photos > 0].mean():.4f} over {(photos > 0).sum()} classes, "
        f"{iou[photos >= MANY].mean():.4f} over {(photos >= MANY).sum()}, "
        f"{np.append(iou[photos > 0], background).mean():.4f} with the background"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("found", nargs="+", metavar="NAME=FOLDER")
    parser.add_argument("--val", type=Path, required=True)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        classes = write_labels(args.data, Path(folder))
        stems = [Path(name).stem for name in sorted(held_out(args.val))]
        truth = {stem: np.array(Image.open(Path(folder, f"{stem}.png"))) for stem in stems}
    photos = np.zeros(classes, dtype=np.int64)
    for labels in truth.values():
        photos += np.bincount(np.unique(labels), minlength=classes + 1)[:classes]
    for name, _, place in (text.partition("=") for text in args.found):
        maps = ((truth[stem], np.array(Image.open(Path(place, f"{stem}.png")))) for stem in stems)
        print(line(name, sum(confusion(*pair, classes) for pair in maps), photos))  # type: ignore[arg-type]


if __name__ == "__main__":
    main()
