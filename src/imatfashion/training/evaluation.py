"""The best checkpoint on the validation split: figures, per-class tables and example pictures for the report."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from imatfashion.data.collate import Batch
from imatfashion.data.overlay import draw_overlay, panel
from imatfashion.metrics.attributes import AttributeMetric
from imatfashion.metrics.pixel import confusion_matrix, per_class, summary
from imatfashion.tasks.attributes import AttributeClassifier
from imatfashion.tasks.base import FashionTask
from imatfashion.tasks.classes import ClassSegmenter
from imatfashion.training.panels import save_jpeg
from imatfashion.training.seen import Picture, attribute_caption, images_of, to_device
from imatfashion.training.summary import write_json

if TYPE_CHECKING:
    from imatfashion.data.datamodule import FashionDataModule

EXAMPLES = 6


@dataclass
class Examples:
    """The best and the worst photos seen so far, with their pictures."""

    best: list[tuple[float, str, Picture]] = field(default_factory=list)
    worst: list[tuple[float, str, Picture]] = field(default_factory=list)

    def offer(self, score: float, name: str, draw: Callable[..., Picture]) -> None:
        """Keep the photo if it is among the extremes; `draw()` makes its picture only then."""
        for heap, key in ((self.best, score), (self.worst, -score)):
            if len(heap) < EXAMPLES:
                heapq.heappush(heap, (key, name, draw()))
            elif key > heap[0][0]:
                heapq.heapreplace(heap, (key, name, draw()))

    def write(self, run_dir: Path) -> list[dict[str, Any]]:
        """Write the pictures; the worst are left out where they are the best too."""
        (run_dir / "examples").mkdir(exist_ok=True)
        rows, seen = [], set()
        for kind, heap, sign in (("best", self.best, 1), ("worst", self.worst, -1)):
            for rank, (key, name, picture) in enumerate(sorted(heap, key=lambda item: -item[0])):
                if name not in seen:
                    file = f"examples/{kind}_{rank}.jpg"
                    save_jpeg(run_dir / file, picture)
                    rows.append({"photo": name, "score": sign * key, "kind": kind, "picture": file})
                seen.add(name)
        return rows


@torch.no_grad()
def evaluate(task: FashionTask, data: FashionDataModule, run_dir: Path) -> dict[str, Any]:
    """Evaluate on the validation split and write `evaluation.json` and `examples/`.

    Returns:
        What was written.
    """
    training = task.training
    task.eval()
    found = _classes(task, data, run_dir) if isinstance(task, ClassSegmenter) else _attributes(task, data, run_dir)
    task.train(training)
    found["photos"] = len(data.val_indices)
    write_json(run_dir / "evaluation.json", _plain(found))
    return found


def _classes(task: ClassSegmenter, data: FashionDataModule, run_dir: Path) -> dict[str, Any]:
    num_classes, names = len(task.spec.class_ids), task.spec.class_names
    total = torch.zeros(num_classes + 1, num_classes + 1, dtype=torch.int64)
    with_class = np.zeros(num_classes, dtype=np.int64)
    examples = Examples()
    for batch in data.whole_val_dataloader():
        batch = to_device(batch, task.device)
        predicted = task(batch["image"]).argmax(2)
        for index, photo in enumerate(images_of(batch)):
            truth, guess = batch["labels"][index], predicted[index]
            confusion = confusion_matrix(guess[None], truth[None].long(), num_classes).cpu()
            total += confusion
            with_class += (confusion.sum(1)[:-1] > 0).numpy()
            if not confusion[:-1].any():
                continue  # without a garment there is no IoU: it would be the worst photo, however it is predicted
            maps = truth.cpu().numpy(), guess.cpu().numpy()
            examples.offer(
                float(summary(confusion)["miou"]),
                data.truth.name(int(batch["photo"][index])),
                lambda photo=photo, maps=maps: panel([(photo, *(draw_overlay(photo, map_, names) for map_ in maps))]),
            )
    ious = per_class(total)[:-1].tolist()
    return {
        "stage": "classes",
        "metrics": {name: float(value) for name, value in summary(total).items()},
        "class_names": list(names),
        "per_class": [
            {
                "name": name,
                "iou": None if iou != iou else iou,
                "photos": int(with_class[index]),
                "truth_pixels": int(total[index].sum()),
                "predicted_pixels": int(total[:, index].sum()),
            }
            for index, (name, iou) in enumerate(zip(names, ious, strict=True))
        ],
        "confusion": total.tolist(),
        "examples": examples.write(run_dir),
    }


def _attributes(task: FashionTask, data: FashionDataModule, run_dir: Path) -> dict[str, Any]:
    assert isinstance(task, AttributeClassifier)
    metric = AttributeMetric(len(task.spec.attribute_ids), sync_on_compute=False)
    examples, garments = Examples(), 0
    for batch in data.whole_val_dataloader():
        batch = to_device(batch, task.device)
        scores = task(batch).float().sigmoid()
        metric.update(scores.cpu(), batch["garment_attributes"].cpu(), batch["garment_known"].cpu())
        metric.update_missed(batch["missed_attributes"].cpu())
        garments += len(scores)
        _offer_attributes(task, data, batch, scores, examples)
    names, groups = task.spec.attribute_names, data.truth.attributes.groups
    rows = [
        {"name": names[int(row["index"])], "group": groups[int(row["index"])], **row} for row in metric.per_attribute()
    ]
    return {
        "stage": "attributes",
        "garments": garments,
        "metrics": {name: float(value) for name, value in metric.compute().items()},
        "per_attribute": rows,
        "examples": examples.write(run_dir),
    }


def _offer_attributes(
    task: AttributeClassifier, data: FashionDataModule, batch: Batch, scores: torch.Tensor, examples: Examples
) -> None:
    """A photo's score: F1 of its garments' attributes at probability ½, over the known garments."""
    labels, known = batch["labels"].cpu().numpy(), batch["garment_known"]
    for index, photo in enumerate(images_of(batch)):
        mine = (batch["garment_photo"] == index) & known
        guess, truth = scores[mine] >= 0.5, batch["garment_attributes"][mine]
        if not truth.any():
            continue
        hits = (guess & truth).sum().item()
        examples.offer(
            2 * hits / (guess.sum().item() + truth.sum().item()),
            data.truth.name(int(batch["photo"][index])),
            lambda photo=photo, index=index: panel(
                [(photo, draw_overlay(photo, labels[index], task.spec.class_names))],
                [attribute_caption(task, batch, scores.cpu().numpy(), index)],
            ),
        )


def _plain(value: Any) -> Any:
    """JSON has no NaN: a figure that does not exist is null."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and value != value else value
