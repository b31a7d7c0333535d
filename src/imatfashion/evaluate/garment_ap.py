"""Average precision of a prediction's garments: Fashionpedia's three figures, and COCO's by pycocotools."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from imatfashion.data.annotations import Annotations
from imatfashion.evaluate.coco_ap import coco_summary
from imatfashion.evaluate.detections import Detection, image_names, read_detections
from imatfashion.evaluate.files import truth_table
from imatfashion.metrics.competition import overlaps
from imatfashion.metrics.garment_ap import ANY, THRESHOLDS, ClassPhoto, FloatArray, attribute_f1, class_ap

FASHIONPEDIA_CLASSES = frozenset({*range(13), 28, 29, 31, 32, 33})
"""Ids of the classes whose attributes Fashionpedia's evaluation judges."""
_FASHIONPEDIA_FIRST = "shirt, blouse"


@dataclass(frozen=True)
class ApReport:
    """Average precisions, 0 … 1.

    Attributes:
        iou_f1: masks and attributes: mean over the IoU thresholds, and over (class, F1 threshold) for the classes whose
            attributes are judged, over the class alone for others, as Fashionpedia weighs them.
        iou: masks alone.
        f1: attributes alone: a garment of the class anywhere in the photo counts.
        coco: COCO's own summary of the masks (`ap`, `ap50`, …); None where no garment of that size is true.
        per_class: `iou` and `iou_f1` by class name, for the classes that the truth has.
        photos: photos of the truth.
        garments: found garments.
        judged: names of the classes whose attributes are judged.
    """

    iou_f1: float
    iou: float
    f1: float
    coco: dict[str, float | None]
    per_class: dict[str, dict[str, float]]
    photos: int
    garments: int
    judged: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types."""
        return asdict(self)

    def text(self) -> str:
        """The figures as lines of a terminal, then the classes."""
        coco = " · ".join(f"{name} {'none' if value is None else f'{value:.3f}'}" for name, value in self.coco.items())
        classes = [f"  {name}: {part['iou']:.3f} · {part['iou_f1']:.3f}" for name, part in self.per_class.items()]
        return "\n".join(
            [
                f"average precision of {self.garments} garments found in {self.photos} photos",
                f"masks and attributes (IoU + F1) {self.iou_f1:.3f}",
                f"masks (IoU) {self.iou:.3f}",
                f"attributes (F1) {self.f1:.3f}",
                f"COCO, masks: {coco}",
                "by class, IoU · IoU + F1:",
                *classes,
            ]
        )


def ap_files(truth: Path, prediction: Path, *, labels: Path | None = None) -> ApReport:
    """The average precisions of a prediction.

    Args:
        truth: COCO JSON, or a competition CSV.
        prediction: what `predict.py size=photo` wrote as COCO JSON or as a table, or a list of COCO results.
        labels: label file of a CSV truth; by default the one beside it.

    Raises:
        FashionError: a file cannot be read, or the prediction is of other photos or sizes.
    """
    with truth_table(truth, labels) as right:
        others = {*right.bare_photos, *right.left_out}
        found = read_detections(prediction, right.table, _image_ids(truth, right.table, others), others)
        return garment_ap(right.table, found, bare_photos=right.bare_photos)


def garment_ap(
    truth: Annotations, found: Mapping[str, Sequence[Detection]], *, bare_photos: Sequence[str] = ()
) -> ApReport:
    """The average precisions of found garments, by photo name, against a table.

    Args:
        truth: the true table.
        found: the found garments of each photo; photos that are neither in the table nor bare do not count.
        bare_photos: names of photos that belong to the truth and have no garment there.
    """
    photos = _class_photos(truth, found, bare_photos)
    judged = _judged(truth)
    cells: dict[str, list[FloatArray]] = {"iou_f1": [], "iou": [], "f1": []}
    per_class: dict[str, dict[str, float]] = {}
    for class_id, name in zip(truth.classes.ids, truth.classes.names, strict=True):
        f1_at = THRESHOLDS if class_id in judged else ANY
        whole = class_ap(photos[class_id], np.concatenate([THRESHOLDS, ANY]), np.concatenate([f1_at, ANY]))
        if whole is None:
            continue
        both, alone = whole[:-1, :-1], whole[:-1, -1:]
        cells["iou_f1"].append(both)
        cells["iou"].append(alone)
        cells["f1"].append(whole[-1:, :-1])
        per_class[name] = {"iou": float(alone.mean()), "iou_f1": float(both.mean())}
    names = [name for i, name in zip(truth.classes.ids, truth.classes.names, strict=True) if i in judged]
    figures = {key: float(np.concatenate([cell.ravel() for cell in parts]).mean()) for key, parts in cells.items()}
    names_of_photos = [*map(truth.name, range(len(truth))), *bare_photos]
    garments = sum(len(found.get(name, ())) for name in names_of_photos)
    return ApReport(
        **figures,
        coco=coco_summary(truth, found, bare_photos),
        per_class=per_class,
        photos=len(names_of_photos),
        garments=garments,
        judged=names,
    )


def _judged(truth: Annotations) -> frozenset[int]:
    ids, names = truth.classes.ids, truth.classes.names
    if ids and ids[0] == 0 and names[0] == _FASHIONPEDIA_FIRST:
        return FASHIONPEDIA_CLASSES
    return frozenset(ids[index] for index, row in enumerate(truth.allowed_pairs()) if row.any())


def _image_ids(path: Path, truth: Annotations, others: Collection[str]) -> dict[Any, str]:
    """Photo names by what a bare list of results may call them: the file's image ids, or the names themselves."""
    names: dict[Any, str] = {name: name for name in (*map(truth.name, range(len(truth))), *others)}
    return names | (image_names(path) if path.suffix.lower() == ".json" else {})


def _class_photos(
    truth: Annotations, found: Mapping[str, Sequence[Detection]], bare_photos: Sequence[str]
) -> dict[int, list[ClassPhoto]]:
    photos: dict[int, list[ClassPhoto]] = defaultdict(list)
    garments_of = [(truth.name(photo), list(truth.garments(photo))) for photo in range(len(truth))]
    for name, true in [*garments_of, *((name, []) for name in bare_photos)]:
        here = found.get(name, ())
        classes = np.array(truth.classes.ids, dtype=np.int64)[truth.garment_class[true]]
        for class_id in sorted({*classes.tolist(), *(item.class_id for item in here)}):
            garments = [true[i] for i in np.flatnonzero(classes == class_id).tolist()]
            items = sorted((item for item in here if item.class_id == class_id), key=lambda item: -item.score)
            photos[class_id].append(_class_photo(truth, garments, items))
    return photos


def _class_photo(truth: Annotations, garments: list[int], items: list[Detection]) -> ClassPhoto:
    shared, union = overlaps([item.runs for item in items], [truth.runs(garment) for garment in garments])
    attributes = np.zeros((len(items), len(truth.attributes)), dtype=np.bool_)
    for row, item in enumerate(items):
        known = [truth.attributes.index(attribute) for attribute in item.attribute_ids]
        attributes[row, [index for index in known if index is not None]] = True
    return ClassPhoto(
        np.array([item.score for item in items], dtype=np.float64),
        shared / np.maximum(union, 1),
        attribute_f1(attributes, truth.garment_attributes[garments]),
    )
