"""Found garments with confidences, photo by photo: from COCO JSON (an object or a bare list of results) or a table."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from imatfashion.data.annotations import Annotations
from imatfashion.data.plain_text import brief
from imatfashion.data.sources.fields import check_size
from imatfashion.data.sources.json_items import json_items
from imatfashion.errors import FashionError
from imatfashion.masks.coco import parse_coco_counts
from imatfashion.masks.runs import RunError, Runs


class Detection(NamedTuple):
    """A found garment.

    Attributes:
        class_id: id of its class.
        score: confidence, 0 … 1.
        attribute_ids: ids of its attributes.
        runs: its mask on the photo's own grid.
    """

    class_id: int
    score: float
    attribute_ids: tuple[int, ...]
    runs: Runs


def read_detections(
    path: Path, truth: Annotations, image_ids: Mapping[Any, str], others: Collection[str] = ()
) -> dict[str, list[Detection]]:
    """Read what was found, by photo name.

    Args:
        path: COCO JSON as `predict.py format=coco size=photo` writes it, a bare list of COCO results, or a predicted
            table on the photos' own sizes.
        truth: the true table, whose photos and sizes count.
        image_ids: photo names by the image ids of the truth's own file, which bare results refer to.
        others: names of photos that belong to the truth and are not in its table.

    Raises:
        FashionError: the file cannot be read, names a photo that the truth does not have, or a garment is faulty.
    """
    if (path / "meta.json").is_file():
        items = _from_table(Annotations(path), truth)
    else:
        items = _from_json(path, truth, image_ids)
    found: dict[str, list[Detection]] = {}
    for name, detection in items:
        if truth.find(name) is None and name not in others:
            raise FashionError(
                f"{path} has the photo {brief(name)}, which the truth does not have: give the truth's own photos"
            )
        found.setdefault(name, []).append(detection)
    return found


def _from_table(table: Annotations, truth: Annotations) -> Iterator[tuple[str, Detection]]:
    attribute_ids = np.array(table.attributes.ids, dtype=np.int64)
    for photo in range(len(table)):
        true_photo = truth.find(table.name(photo))
        if true_photo is not None and table.size(photo) != truth.size(true_photo):
            raise FashionError(
                f"{table.path} is on a grid of {table.size(photo)} where the photo {brief(table.name(photo))} has "
                f"{truth.size(true_photo)} pixels: predict with size=photo"
            )
        for garment in table.garments(photo):
            yield (
                table.name(photo),
                Detection(
                    table.classes.ids[int(table.garment_class[garment])],
                    float(table.garment_score[garment]),
                    tuple(attribute_ids[table.garment_attributes[garment]].tolist()),
                    table.runs(garment),
                ),
            )


def _from_json(path: Path, truth: Annotations, image_ids: Mapping[Any, str]) -> Iterator[tuple[str, Detection]]:
    names: Mapping[Any, str] = image_ids
    results: Iterator[Any]
    if _is_list(path):
        results = iter(_load_list(path))
    else:
        names, results = image_names(path), (item for _, item in json_items(path, ["annotations"]))
    for position, item in enumerate(results):
        try:
            name = names[item["image_id"]]
            yield name, _detection(item, truth, name)
        except (KeyError, TypeError, ValueError, OverflowError, RunError) as error:
            raise FashionError(
                f"garment {position} of {path} cannot be read ({brief(_reason(error))}): mend the file"
            ) from error


def _reason(error: Exception) -> str:
    return f"{error} is missing or unknown" if isinstance(error, KeyError) else str(error)


def image_names(path: Path) -> dict[Any, str]:
    """File names by image id of a COCO file; images without the one or the other are left out.

    Raises:
        FashionError: it is no such file.
    """
    return {item["id"]: item["file_name"] for _, item in json_items(path, ["images"]) if _is_image(item)}


def _is_image(item: Any) -> bool:
    return isinstance(item, dict) and isinstance(item.get("id"), int | str) and isinstance(item.get("file_name"), str)


def _is_list(path: Path) -> bool:
    try:
        with path.open(encoding="utf-8-sig") as file:
            return file.read(4096).lstrip().startswith("[")
    except (OSError, UnicodeDecodeError) as error:
        raise FashionError(f"{path} cannot be read: give COCO JSON or a predicted DIR.table") from error


def _load_list(path: Path) -> list[Any]:
    try:
        loaded: list[Any] = json.loads(path.read_text(encoding="utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise FashionError(f"{path} is not valid JSON: {error}") from error
    return loaded


def _detection(item: dict[str, Any], truth: Annotations, name: str) -> Detection:
    photo, mask = truth.find(name), item["segmentation"]
    if not isinstance(mask, dict):
        raise ValueError("its segmentation is no run lengths, {size, counts}")
    height, width = truth.size(photo) if photo is not None else check_size(*map(int, mask["size"]))
    if list(mask["size"]) != [height, width]:
        raise ValueError(f"its mask is {mask['size']}, the photo {[height, width]}: predict with size=photo")
    score = float(item["score"])
    if not 0 <= score <= 1:
        raise ValueError(f"its score {score} is not within 0 … 1")
    attributes = tuple(int(attribute) for attribute in item.get("attribute_ids") or ())
    runs = parse_coco_counts(mask["counts"], height, width)
    return Detection(int(item["category_id"]), score, attributes, runs)
