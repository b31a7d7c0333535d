"""Label maps as index PNGs, from the competition's files by numpy and Pillow alone, as fastai_run.py has."""

from __future__ import annotations

import csv
import json
from collections import defaultdict
from pathlib import Path

import numpy as np
from PIL import Image


def write_labels(data: Path, folder: Path) -> int:
    """Index PNGs of all photos; the number of classes, which is the background's index."""
    background = len(json.loads((data / "label_descriptions.json").read_text())["categories"])
    rows: dict[str, list[dict[str, str]]] = defaultdict(list)
    with (data / "train.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            rows[row["ImageId"]].append(row)
    for photo in (data / "train").glob("*.jpg"):
        width, height = Image.open(photo).size
        flat = np.full(height * width, background, np.uint8)
        for row in rows[photo.name]:
            starts, lengths = np.array(row["EncodedPixels"].split(), dtype=np.int64).reshape(-1, 2).T
            for start, length in zip(starts - 1, lengths, strict=True):
                flat[start : start + length] = int(row["ClassId"].split("_")[0])
        Image.fromarray(flat.reshape((height, width), order="F")).save(folder / f"{photo.stem}.png")
    return background


def held_out(path: Path) -> set[str]:
    """Names of the validation photos, of a text file or a run's split.json."""
    text = path.read_text()
    return set(json.loads(text)["val"]) if path.suffix == ".json" else set(text.split())
