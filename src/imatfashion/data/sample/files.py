"""Writing the drawn data set in the 2019 competition's layout."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from imatfashion.data.sample.labels import ATTRIBUTES, CATEGORIES
from imatfashion.data.sample.photo import Drawn, draw_photo
from imatfashion.errors import FashionError
from imatfashion.masks.runs import encode_mask, format_runs

_MARK = "imatfashion drawn sample"
_OWN = {"train", "test", "train.csv", "test.csv", "label_descriptions.json", ".imatfashion"}
_COLUMNS = ("ImageId", "EncodedPixels", "Height", "Width", "ClassId")
_QUALITY = 88
_SMALLEST = 64
_PARTS = ("train", "test")


def draw_sample(out: Path, *, photos: int = 120, seed: int = 0, size: tuple[int, int] | None = None) -> None:
    """Draw a data set of dressed figures: `out`/train, train.csv, label_descriptions.json, test and test.csv.

    The same seed gives the same bytes, and photo i is the same however many photos there are. In about 30 % of the
    training photos the attributes are withheld; test.csv (the hidden truth of a fifth as many photos, at least 8) has
    them all.

    Args:
        out: folder to write to; made if it is missing, refused if it holds anything but a drawn sample.
        photos: photos to train on, at least 4.
        seed: 0 or larger.
        size: (height, width) of every photo, pixels; None for varying sizes.

    Raises:
        FashionError: too few photos, a negative seed, too small a size, or a folder that must not be written to.
    """
    _check(out, photos, seed, size)
    try:
        _write(out, (photos, max(8, round(photos / 5))), seed, size)
    except OSError as error:
        raise FashionError(f"{out}: the sample cannot be written there ({error}); choose another folder") from error


def _check(out: Path, photos: int, seed: int, size: tuple[int, int] | None) -> None:
    if photos < 4:
        raise FashionError(f"a sample of {photos} photos is too small to train on: ask for at least 4")
    if seed < 0:
        raise FashionError(f"the sample's seed is {seed}: give a whole number from 0")
    if size is not None and min(size) < _SMALLEST:
        raise FashionError(f"a photo of {size[0]} × {size[1]} pixels is too small for a figure: {_SMALLEST} at least")
    if out.exists() and not out.is_dir():
        raise FashionError(f"{out} is a file: name a folder for the sample")
    if out.is_dir() and any(out.iterdir()) and not _is_sample(out):
        raise FashionError(f"{out} is not empty and holds no drawn sample: name a new or an empty folder")


def _is_sample(out: Path) -> bool:
    if {path.name for path in out.iterdir()} - _OWN:
        return False
    try:
        text = json.loads((out / "label_descriptions.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(text, dict) and isinstance(text.get("info"), dict) and text["info"].get("description") == _MARK


def _write(out: Path, counts: tuple[int, int], seed: int, size: tuple[int, int] | None) -> None:
    out.mkdir(parents=True, exist_ok=True)
    # First the label file: it marks the folder as ours, so that a drawing cut short can be drawn again.
    (out / "label_descriptions.json").write_text(json.dumps(_label_file(), indent=1) + "\n", encoding="utf-8")
    for part, (name, count) in enumerate(zip(_PARTS, counts, strict=True)):
        folder = out / name
        folder.mkdir(exist_ok=True)
        names = [f"{name}_{index:05d}.jpg" for index in range(count)]
        for stale in set(folder.glob(f"{name}_*.jpg")) - {folder / photo for photo in names}:
            stale.unlink()
        with (out / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(_COLUMNS)
            for index, photo in enumerate(names):
                drawn = draw_photo(np.random.default_rng([seed, part, index]), size)
                _save_jpeg(folder / photo, drawn)
                writer.writerows(_rows(photo, drawn, withhold=drawn.withheld and name == "train"))


def _save_jpeg(path: Path, drawn: Drawn) -> None:
    done, data = cv2.imencode(".jpg", drawn.image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    if not done:
        raise OSError(f"{path.name} could not be encoded")
    path.write_bytes(data.tobytes())


def _rows(photo: str, drawn: Drawn, *, withhold: bool) -> Iterator[tuple[str, str, int, int, str]]:
    height, width = drawn.image.shape[:2]
    for piece in drawn.pieces:
        labels = (piece.class_id,) if withhold else (piece.class_id, *piece.attributes)
        yield photo, format_runs(encode_mask(piece.mask)), height, width, "_".join(map(str, labels))


def _label_file() -> dict[str, object]:
    def items(labels: dict[int, tuple[str, str]], level: int) -> list[dict[str, object]]:
        return [
            {"id": label, "name": name, "supercategory": group, "level": level}
            for label, (name, group) in sorted(labels.items())
        ]

    return {"info": {"description": _MARK}, "categories": items(CATEGORIES, 2), "attributes": items(ATTRIBUTES, 1)}
