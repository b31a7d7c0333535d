"""COCO JSON with Fashionpedia's `attribute_ids`: images, annotations (compressed RLE), categories, attributes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, TextIO

from pycocotools import mask as coco_mask

from imatfashion.data.labels import Labels
from imatfashion.masks.coco import to_coco_counts
from imatfashion.predict.aside import text_aside
from imatfashion.predict.results import GarmentResult, PhotoResult

OPENING = '{"info":{"description":"imatfashion prediction"}'
"""How each file begins."""


def write_coco(
    out: Path, results: tuple[Iterator[PhotoResult], Iterator[PhotoResult]], classes: Labels, attributes: Labels
) -> None:
    """Write the results as one JSON file, streamed: images are numbered from 1 in the results' order.

    Args:
        out: the JSON file.
        results: the photos, twice: images come before annotations, and neither is held in memory.
        classes: the model's categories.
        attributes: the model's attributes.
    """
    with text_aside(out) as file:
        file.write(OPENING)
        _write_list(file, "images", _images(results[0]))
        _write_list(file, "annotations", _annotations(results[1], classes, attributes))
        _write_list(file, "categories", _labels(classes))
        _write_list(file, "attributes", _labels(attributes))
        file.write("}\n")


def _write_list(file: TextIO, key: str, items: Iterable[dict[str, Any]]) -> None:
    file.write(f',\n"{key}":[')
    for index, item in enumerate(items):
        file.write(",\n" if index else "\n")
        file.write(json.dumps(item, separators=(",", ":")))
    file.write("]")


def _images(results: Iterator[PhotoResult]) -> Iterator[dict[str, Any]]:
    for number, result in enumerate(results, start=1):
        yield {"id": number, "file_name": result.name, "height": result.height, "width": result.width}


def _annotations(results: Iterator[PhotoResult], classes: Labels, attributes: Labels) -> Iterator[dict[str, Any]]:
    count = 0
    for image, result in enumerate(results, start=1):
        for garment in result.garments:
            count += 1
            fields = _annotation(garment, result, attributes)
            yield {"id": count, "image_id": image, "category_id": classes.ids[garment.class_index], **fields}


def _annotation(garment: GarmentResult, result: PhotoResult, attributes: Labels) -> dict[str, Any]:
    counts = to_coco_counts(garment.runs, result.height, result.width)
    size = [result.height, result.width]
    return {
        "segmentation": {"size": size, "counts": counts},
        "bbox": coco_mask.toBbox({"size": size, "counts": counts.encode()}).tolist(),
        "area": garment.runs.area,
        "score": round(garment.score, 4),
        "attribute_ids": sorted(attributes.ids[index] for index in garment.attributes or ()),
        "iscrowd": 0,
    }


def _labels(labels: Labels) -> Iterator[dict[str, Any]]:
    for label_id, name, group in zip(labels.ids, labels.names, labels.groups, strict=True):
        yield {"id": label_id, "name": name, "supercategory": group}
