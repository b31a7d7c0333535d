from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imatfashion.data.annotations import Annotations
from imatfashion.data.labels import Labels
from imatfashion.data.table.writer import TableWriter
from imatfashion.masks.runs import encode_mask, format_runs

COLOURS = ((200, 40, 40), (40, 180, 60), (50, 70, 210))


def rectangle(height: int, width: int, top: int, left: int, bottom: int, right: int) -> np.ndarray:
    mask = np.zeros((height, width), dtype=bool)
    mask[top:bottom, left:right] = True
    return mask


@pytest.fixture
def make_table(tmp_path):
    """Write a table of 3 classes and 4 attributes: `photos` is {name: (H, W, [(class, attributes, mask), …])}."""

    def make(photos, name="made.table", photo_dir=None, **meta):
        classes = Labels((0, 1, 2), ("coat", "shirt", "pocket"), ("", "", ""))
        attributes = Labels((0, 1, 2, 3), tuple("abcd"), ("", "", "", ""))
        meta = {"photo_dir": None if photo_dir is None else str(photo_dir), **meta}
        with TableWriter(tmp_path / name, classes=classes, attributes=attributes, meta=meta) as writer:
            for photo, (height, width, garments) in photos.items():
                writer.photo(photo, height, width)
                for class_index, attribute, mask in garments:
                    writer.garment(photo, class_index, attribute, encode_mask(mask))
        return Annotations(tmp_path / name)

    return make


@pytest.fixture
def tiny_data(tmp_path) -> Path:
    """A data set in the competition's layout: 10 photos, each with a coat (a rectangle in its colour) and a pocket.

    `p03.jpg` is stored on its side with an EXIF orientation; its rows have the upright size.
    """
    root = tmp_path / "tiny"
    (root / "train").mkdir(parents=True)
    names = ("coat", "shirt", "pocket")
    (root / "label_descriptions.json").write_text(
        json.dumps(
            {
                "categories": [{"id": i, "name": n, "supercategory": "", "level": 1} for i, n in enumerate(names)],
                "attributes": [{"id": i, "name": n, "supercategory": "", "level": 1} for i, n in enumerate("abcd")],
            }
        )
    )
    rng = np.random.default_rng(5)
    with (root / "train.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["ImageId", "EncodedPixels", "Height", "Width", "ClassId"])
        for number in range(10):
            height, width, name = 60 + 4 * number, 90, f"p{number:02}.jpg"
            coat = rectangle(height, width, 10, 20, height - 10, 70)
            pocket = rectangle(height, width, 25, 30, 35, 45)
            image = rng.integers(120, 136, (height, width, 3)).astype(np.uint8)
            image[coat] = COLOURS[number % 2]
            image[pocket] = COLOURS[2]
            save(root / "train" / name, image, turned=number == 3)
            worn = f"{number % 2}_{number % 4}"
            for mask, class_id in ((coat, worn), (pocket, "2")):
                rows.writerow([name, format_runs(encode_mask(mask)), height, width, class_id])
    return root


def save(path: Path, image: np.ndarray, *, turned: bool) -> None:
    exif = Image.Exif()
    if turned:
        exif[0x0112] = 6
        image = np.rot90(image)
    Image.fromarray(np.ascontiguousarray(image)).save(path, quality=95, subsampling=0, exif=exif)
