"""wandb's own overlays: a photo with masks that can be switched on and off, the class named under the pointer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback

from imatfashion.data.collate import Batch
from imatfashion.tasks.attributes import AttributeClassifier
from imatfashion.tasks.base import FashionTask
from imatfashion.tasks.classes import ClassSegmenter
from imatfashion.training.loggers import log_masks
from imatfashion.training.panels import Picture, attribute_caption, images_of, some_photos

if TYPE_CHECKING:
    from imatfashion.data.datamodule import FashionDataModule

_NOT_JUDGED = 255
_LAYERS = ("", "_parts")


@dataclass(frozen=True)
class MaskPanel:
    """Photos with their label maps, as wandb takes them.

    Attributes:
        photos: uint8 (H, W, 3) each.
        masks: of each photo, from a mask's name to its `mask_data`, uint8 (H, W), and `class_labels`.
        captions: a line below each photo; none for the class segmenter.
    """

    photos: list[Picture] = field(default_factory=list)
    masks: list[dict[str, dict[str, Any]]] = field(default_factory=list)
    captions: list[str | None] = field(default_factory=list)


class MaskOverlays(Callback):
    """Shows the overlays of a few validation photos on wandb, as `val/masks`.

    A photo and each of its masks is a file, which wandb keeps: so not every epoch's are shown, but always the last's.

    Args:
        photos: how many photos are shown, spread over the validation split.
        epochs: of the whole run.
        shown: epochs whose overlays are shown at most.
    """

    def __init__(self, photos: int, epochs: int, shown: int) -> None:
        self.photos = photos
        self.last = epochs - 1
        self.every = -(-epochs // shown)

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Show them where it is their turn."""
        if trainer.sanity_checking or not trainer.is_global_zero or (self.last - trainer.current_epoch) % self.every:
            return
        data: FashionDataModule = trainer.datamodule  # type: ignore[attr-defined]
        assert isinstance(pl_module, FashionTask)
        panel = mask_panel(pl_module, some_photos(data, self.photos, pl_module.device))
        log_masks(trainer.loggers, "val/masks", panel, trainer.global_step)


@torch.no_grad()
def mask_panel(task: FashionTask, batch: Batch) -> MaskPanel:
    """The overlays of a batch: truth and prediction of the class segmenter; the attribute classifier's garments."""
    photos, labels = images_of(batch), batch["labels"].cpu().numpy()
    names = dict(enumerate(task.spec.class_names)) | {
        len(task.spec.class_names): "background",
        _NOT_JUDGED: "not judged",
    }
    if isinstance(task, ClassSegmenter):
        predicted = task(batch["image"]).argmax(2).cpu().numpy()
        masks = [
            _masks("truth", truth, names) | _masks("prediction", guess, names)
            for truth, guess in zip(labels, predicted, strict=True)
        ]
        return MaskPanel(photos, masks, [None] * len(photos))
    assert isinstance(task, AttributeClassifier)
    probability = task(batch).float().sigmoid().cpu().numpy()
    captions = [attribute_caption(task, batch, probability, index) for index in range(len(photos))]
    return MaskPanel(photos, [_masks("garments", truth, names) for truth in labels], list(captions))


def masks_a_photo(stage: str, layers: int) -> int:
    """How many masks `mask_panel` makes of a photo."""
    return layers * (2 if stage == "classes" else 1)


def _masks(name: str, labels_LHW: npt.NDArray[np.integer], names: dict[int, str]) -> dict[str, dict[str, Any]]:
    return {
        f"{name}{suffix}": {"mask_data": labels.astype(np.uint8), "class_labels": names}
        for suffix, labels in zip(_LAYERS, labels_LHW, strict=False)
    }
