"""Stage 1: the class segmenter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch import Tensor

from imatfashion.data.class_shares import class_shares
from imatfashion.data.collate import Batch
from imatfashion.metrics.pixel import PixelMetric, per_class, summary
from imatfashion.models.losses import class_weights, segmentation_loss
from imatfashion.tasks.base import FashionTask

if TYPE_CHECKING:
    from imatfashion.data.datamodule import FashionDataModule


class ClassSegmenter(FashionTask):
    """Per-pixel, single-label classes, trained with cross-entropy and a region loss.

    Args:
        spec: see `FashionTask`.
        dice_weight: weight of the region loss; cross-entropy weighs 1.
        region_loss: `dice`, `lovasz` or `none`.
        focal_gamma: see `segmentation_loss`.
        label_smoothing: see `segmentation_loss`.
        class_balance: power of the inverse frequency that weighs a pixel's class; 0 for none.
        loss_stride: training's loss is of every n-th row and column; validation's is of all.
        **options: see `FashionTask`.
    """

    monitor = "val/miou"

    def __init__(
        self,
        spec: str,
        *,
        dice_weight: float = 1.0,
        region_loss: str = "dice",
        focal_gamma: float = 0.0,
        label_smoothing: float = 0.0,
        class_balance: float = 0.0,
        loss_stride: int = 1,
        **options: Any,
    ) -> None:
        super().__init__(spec, **options)
        self.loss_options: dict[str, Any] = {
            "dice_weight": dice_weight,
            "region_loss": region_loss,
            "focal_gamma": focal_gamma,
            "label_smoothing": label_smoothing,
        }
        self.class_balance = class_balance
        self.loss_stride = loss_stride
        self.metric = PixelMetric(len(self.spec.class_ids))

    def forward(self, image_BCHW: Tensor) -> Tensor:
        """Logits (B, L, C + 1, H, W) of images uint8 (B, 3, H, W); background is the last class."""
        logits: Tensor = self.network(self.normalize(image_BCHW))
        return logits

    def on_fit_start(self) -> None:
        """Weigh the classes by the training photos, which are known by now."""
        super().on_fit_start()
        if self.class_balance:
            data: FashionDataModule = self.trainer.datamodule  # type: ignore[attr-defined]
            shares = class_shares(data.truth, data.split.train)
            weights = class_weights(shares, self.spec.layer_of_class, self.class_balance)
            self.loss_options["class_weights_LC"] = weights.to(self.device)

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """The loss of a micro-batch."""
        logits = self(batch["image"])
        losses = segmentation_loss(logits, batch["labels"], stride=self.loss_stride, **self.loss_options)
        self.log_losses(losses, "train", len(batch["image"]))
        return losses["loss"]

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Loss and confusion of a micro-batch."""
        logits, labels = self(batch["image"]), batch["labels"].long()
        self.log_losses(segmentation_loss(logits, labels, **self.loss_options), "val", len(batch["image"]))
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
