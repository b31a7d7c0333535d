"""The picture panel of each epoch: photo, truth and prediction of a few validation photos."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import numpy.typing as npt
import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback

from imatfashion.data.collate import Batch, collate
from imatfashion.data.overlay import draw_overlay, panel
from imatfashion.tasks.attributes import AttributeClassifier
from imatfashion.tasks.base import FashionTask
from imatfashion.tasks.classes import ClassSegmenter
from imatfashion.training.loggers import log_picture

if TYPE_CHECKING:
    from imatfashion.data.datamodule import FashionDataModule

Picture = npt.NDArray[np.uint8]


class PicturePanel(Callback):
    """Writes `panels/epoch_NNN.jpg` and shows it on the dashboards.

    Args:
        folder: where the pictures go.
        photos: how many photos are shown, spread over the validation split.
        keep: pictures kept; the oldest are deleted, so that a long run writes few files.
    """

    def __init__(self, folder: Path, photos: int, keep: int = 50) -> None:
        self.folder = folder
        self.photos = photos
        self.keep = keep

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Draw the panel."""
        if trainer.sanity_checking or not trainer.is_global_zero:
            return
        data: FashionDataModule = trainer.datamodule  # type: ignore[attr-defined]
        batch = some_photos(data, self.photos, pl_module.device)
        assert isinstance(pl_module, FashionTask)
        picture = draw_panel(pl_module, batch)
        self.folder.mkdir(exist_ok=True)
        save_jpeg(self.folder / f"epoch_{trainer.current_epoch:03d}.jpg", picture)
        for old in sorted(self.folder.glob("epoch_*.jpg"))[: -self.keep]:
            old.unlink()
        log_picture(trainer.loggers, "val/panel", picture, trainer.global_step)


def some_photos(data: FashionDataModule, photos: int, device: torch.device) -> Batch:
    """So many photos of the validation split, spread over it, on a device."""
    dataset = data.val_dataset()
    chosen = np.linspace(0, len(dataset) - 1, min(photos, len(dataset))).round().astype(int)
    return to_device(collate([dataset[int(index)] for index in chosen]), device)


def to_device(batch: Batch, device: torch.device) -> Batch:
    """The batch on another device."""
    moved: Batch = {key: value.to(device) for key, value in batch.items()}  # type: ignore[attr-defined,assignment]
    return moved


@torch.no_grad()
def draw_panel(task: FashionTask, batch: Batch) -> Picture:
    """The panel of a batch, uint8 (H, W, 3)."""
    photos = images_of(batch)
    labels = batch["labels"].cpu().numpy()
    names = task.spec.class_names
    if isinstance(task, ClassSegmenter):
        predicted = task(batch["image"]).argmax(2).cpu().numpy()
        return panel(
            [
                (photo, draw_overlay(photo, truth, names), draw_overlay(photo, guess, names))
                for photo, truth, guess in zip(photos, labels, predicted, strict=True)
            ]
        )
    assert isinstance(task, AttributeClassifier)
    probability = task(batch).float().sigmoid().cpu().numpy()
    captions = [attribute_caption(task, batch, probability, index) for index in range(len(photos))]
    rows = [(photo, draw_overlay(photo, truth, names)) for photo, truth in zip(photos, labels, strict=True)]
    return panel(rows, captions)


def images_of(batch: Batch) -> list[Picture]:
    """The batch's images as pictures, uint8 (H, W, 3) each."""
    return list(batch["image"].permute(0, 2, 3, 1).contiguous().cpu().numpy())


def attribute_caption(task: AttributeClassifier, batch: Batch, probability: npt.NDArray[np.float32], photo: int) -> str:
    """What is said of a photo's garments, beside what is true.

    Args:
        task: names the classes and attributes.
        batch: the photo's batch.
        probability: float (G, A) of the batch's garments.
        photo: index in the batch.
    """
    parts = []
    for garment in torch.nonzero(batch["garment_photo"] == photo).flatten().tolist():
        guessed = np.flatnonzero(probability[garment] >= 0.5)
        true = np.flatnonzero(batch["garment_attributes"][garment].cpu().numpy())
        if len(guessed) or len(true):
            class_name = task.spec.class_names[int(batch["garment_class"][garment])]
            known = _names(task, true) if batch["garment_known"][garment] else "unknown"
            parts.append(f"{class_name}: {_names(task, guessed)} (truth: {known})")
    return "; ".join(parts) or "no attributes"


def _names(task: AttributeClassifier, indices: Sequence[int] | npt.NDArray[np.intp]) -> str:
    return ", ".join(task.spec.attribute_names[index] for index in indices) or "none"


def save_jpeg(path: Path, picture: Picture) -> None:
    """Write a picture uint8 (H, W, 3), RGB, as JPEG."""
    written, data = cv2.imencode(".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 88])
    assert written
    path.write_bytes(data.tobytes())
