"""COCO JSON: polygons, plain and compressed runs; with `attribute_ids` (Fashionpedia) or without (plain COCO)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from imatfashion.data.labels import Labels, labels_from
from imatfashion.data.records import EmptyPhoto, Garment, Record, Refusal
from imatfashion.data.sources.fields import FieldError, check_size, parse_photo
from imatfashion.data.sources.json_items import json_items
from imatfashion.data.sources.source import Source
from imatfashion.data.table.files import file_state
from imatfashion.errors import FashionError
from imatfashion.masks.coco import parse_coco_counts, polygons_to_runs
from imatfashion.masks.runs import RunError, Runs

ImageId = int | str
_PHOTO_FOLDERS = ("train", "images", "photos", "val", "test", ".")


def own_labels(path: Path) -> tuple[Labels, Labels] | None:
    """The categories and attributes that a COCO file carries itself, None where it has no categories.

    Raises:
        FashionError: the file or one of its labels is faulty.
    """
    lists: dict[str, list[Any]] = {"categories": [], "attributes": []}
    for key, item in json_items(path, lists):
        lists[key].append(item)
    return labels_from(lists, path) if lists["categories"] else None


def find_photos(path: Path, root: Path) -> Path | None:
    """The usual folder below `root` that has the file's first photo.

    Raises:
        FashionError: the file is no COCO JSON, or has no photo.
    """
    first = next((item for _, item in json_items(path, ["images"]) if isinstance(item, dict)), None)
    if first is None:
        raise FashionError(f"{path} has no list 'images' with a photo in it: give the data set's annotation file")
    name = str(first.get("file_name") or "")
    folders = (root / folder for folder in (path.stem, *_PHOTO_FOLDERS))
    return next((folder for folder in folders if file_state(folder / name) != [0, 0] and name), None)


def read(source: Source) -> Iterator[Record]:
    """Yield a garment or a refusal an annotation, then the photos that no annotation names."""
    images: dict[ImageId, tuple[str, int, int]] = {}
    for position, (_, item) in enumerate(json_items(source.annotations, ["images"], source.meter)):
        try:
            image_id, image = _image(item)
            if image_id in images:
                raise FieldError(f"the image id {image_id} occurs twice")
            images[image_id] = image
        except FieldError as error:
            yield Refusal(-1, _file_name(item), f"image {position}: {error}")
    named: set[ImageId] = set()
    for row, (_, item) in enumerate(json_items(source.annotations, ["annotations"], source.meter)):
        reference = item.get("image_id") if isinstance(item, dict) else None
        if not isinstance(reference, int | str) or reference not in images:
            yield Refusal(row, "", f"the image id {str(reference)[:40]} is not among the images")
            continue
        named.add(reference)
        yield _record(row, item, images[reference])
    for image_id, image in images.items():
        if image_id not in named:
            yield EmptyPhoto(*image)


def _image(item: Any) -> tuple[ImageId, tuple[str, int, int]]:
    if not isinstance(item, dict):
        raise FieldError("it is not an object")
    for name, kinds in (("id", (int, str)), ("file_name", (str,)), ("height", (int,)), ("width", (int,))):
        if not isinstance(item.get(name), kinds) or isinstance(item.get(name), bool):
            raise FieldError(f"its {name} is missing or of a wrong type")
    return item["id"], (parse_photo(item["file_name"]), *check_size(item["height"], item["width"]))


def _file_name(item: Any) -> str:
    return str(item.get("file_name", ""))[:200] if isinstance(item, dict) else ""


def _record(row: int, item: dict[str, Any], image: tuple[str, int, int]) -> Record:
    photo, height, width = image
    try:
        class_id = _whole(item.get("category_id"), "class id")
        attributes = item.get("attribute_ids") or []
        if not isinstance(attributes, list):
            raise FieldError("the attribute_ids are not a list")
        ids = tuple(dict.fromkeys(_whole(value, "attribute id") for value in attributes))
        runs = _runs(item.get("segmentation"), height, width)
    except (FieldError, RunError) as error:
        return Refusal(row, photo, str(error))
    return Garment(photo, height, width, class_id, ids or None, runs, row)


def _whole(value: object, name: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise FieldError(f"the {name} {str(value)[:20]!r} is not a whole number")
    return value


def _runs(segmentation: Any, height: int, width: int) -> Runs:
    if isinstance(segmentation, list):
        runs = polygons_to_runs(segmentation, height, width)
    elif isinstance(segmentation, dict):
        size, counts = segmentation.get("size"), segmentation.get("counts")
        if size != [height, width]:
            raise RunError(f"the segmentation's size {str(size)[:40]} is not the image's [{height}, {width}]")
        if not isinstance(counts, str | list):
            raise RunError("the segmentation has no counts")
        runs = parse_coco_counts(counts, height, width)
    else:
        raise RunError("the segmentation is neither polygons nor run counts")
    if not runs.area:
        raise RunError("the mask is empty")
    return runs
