"""Stage 1: the class segmenter."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from imatfashion.data.collate import Batch
from imatfashion.metrics.pixel import PixelMetric, per_class, summary
from imatfashion.models.losses import segmentation_loss
from imatfashion.tasks.base import FashionTask


class ClassSegmenter(FashionTask):
    """Per-pixel, single-label classes, trained with cross-entropy and Dice.

    Args:
        spec: see `FashionTask`.
        dice_weight: weight of the Dice loss; cross-entropy weighs 1.
        **options: see `FashionTask`.
    """

    monitor = "val/miou"

    def __init__(self, spec: str, *, dice_weight: float = 1.0, **options: Any) -> None:
        super().__init__(spec, **options)
        self.dice_weight = dice_weight
        self.metric = PixelMetric(len(self.spec.class_ids))

    def forward(self, image_BCHW: Tensor) -> Tensor:
        """Logits (B, L, C + 1, H, W) of images uint8 (B, 3, H, W); background is the last class."""
        logits: Tensor = self.network(self.normalize(image_BCHW))
        return logits

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """The loss of a micro-batch."""
        losses = segmentation_loss(self(batch["image"]), batch["labels"].long(), dice_weight=self.dice_weight)
        self.log_losses(losses, "train", len(batch["image"]))
        return losses["loss"]

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Loss and confusion of a micro-batch."""
        logits, labels = self(batch["image"]), batch["labels"].long()
        self.log_losses(segmentation_loss(logits, labels, dice_weight=self.dice_weight), "val", len(batch["image"]))
        self.metric.update(logits.argmax(2), labels)

    def on_validation_epoch_end(self) -> None:
        """Log the figures pooled over the validation split."""
        confusion = self.metric.compute()
        figures = {f"val/{name}": value for name, value in summary(confusion).items() if value == value}
        self.log_dict(figures, sync_dist=True)
        ious = per_class(confusion)[:-1].tolist()
        named = zip(self.spec.class_names, ious, strict=True)
        # A class that validation does not have has no value, rather than a wrong one.
        self.log_dict({f"val/iou/{name}": iou for name, iou in named if iou == iou}, sync_dist=True)
        self.metric.reset()
