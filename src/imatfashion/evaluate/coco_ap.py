"""COCO's average precision of masks, computed by pycocotools."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Mapping, Sequence
from typing import Any

from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from imatfashion.data.annotations import Annotations
from imatfashion.evaluate.detections import Detection
from imatfashion.masks.coco import to_coco_counts
from imatfashion.masks.runs import Runs

_COCO = ("ap", "ap50", "ap75", "ap_small", "ap_medium", "ap_large")


def coco_summary(
    truth: Annotations, found: Mapping[str, Sequence[Detection]], bare_photos: Sequence[str] = ()
) -> dict[str, float | None]:
    """COCO's summary of the masks.

    Args:
        truth: the true table.
        found: found garments by photo name, on the photos' own sizes.
        bare_photos: names of photos that belong to the truth and have no garment there.

    Returns:
        `ap`, `ap50`, `ap75`, `ap_small`, `ap_medium`, `ap_large`; None where nothing of the size is true.
    """
    dataset, items = _dataset(truth), _items(truth, found)
    for number, name in enumerate(bare_photos, len(truth) + 1):
        dataset["images"].append({"id": number, "file_name": name, "height": 1, "width": 1})
        # Nothing is compared with these masks: of their grid no more is known than that it holds them.
        items += [_item(number, item, _end(item.runs), 1) for item in found.get(name, ())]
    if not items or not dataset["annotations"]:
        return dict.fromkeys(_COCO, 0.0 if dataset["annotations"] else None)
    # pycocotools prints as it goes.
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO()
        coco.dataset = dataset
        coco.createIndex()
        evaluation = COCOeval(coco, coco.loadRes(items), "segm")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    # pycocotools says −1 where there is nothing to average.
    return {name: float(value) if value >= 0 else None for name, value in zip(_COCO, evaluation.stats, strict=False)}


def _dataset(truth: Annotations) -> dict[str, list[dict[str, Any]]]:
    images: list[dict[str, Any]] = []
    true: list[dict[str, Any]] = []
    for photo in range(len(truth)):
        height, width = truth.size(photo)
        images.append({"id": photo + 1, "height": height, "width": width, "file_name": truth.name(photo)})
        for garment in truth.garments(photo):
            fields = {
                "segmentation": _mask(truth.runs(garment), height, width),
                "category_id": truth.classes.ids[int(truth.garment_class[garment])],
                "area": int(truth.garment_area[garment]),
            }
            true.append({"id": len(true) + 1, "image_id": photo + 1, "iscrowd": 0, **fields})
    categories = [{"id": class_id} for class_id in truth.classes.ids]
    return {"info": [], "images": images, "annotations": true, "categories": categories}


def _items(truth: Annotations, found: Mapping[str, Sequence[Detection]]) -> list[dict[str, Any]]:
    return [
        _item(photo + 1, item, *truth.size(photo))
        for photo in range(len(truth))
        for item in found.get(truth.name(photo), ())
    ]


def _item(image_id: int, item: Detection, height: int, width: int) -> dict[str, Any]:
    mask = _mask(item.runs, height, width)
    return {"image_id": image_id, "category_id": item.class_id, "segmentation": mask, "score": item.score}


def _end(runs: Runs) -> int:
    return int(runs.starts[-1]) + int(runs.lengths[-1]) if len(runs.starts) else 1


def _mask(runs: Runs, height: int, width: int) -> dict[str, Any]:
    return {"size": [height, width], "counts": to_coco_counts(runs, height, width)}
