"""Stage 2: the attribute classifier."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from imatfashion.data.collate import Batch
from imatfashion.metrics.attributes import AttributeMetric
from imatfashion.models.losses import attribute_loss
from imatfashion.tasks.base import FashionTask


class AttributeClassifier(FashionTask):
    """Attributes of each garment, multi-label, trained over the known garments.

    Args:
        spec: see `FashionTask`.
        loss: `bce`, `focal` or `asymmetric`.
        gamma: focus of the latter two; None for their own.
        margin: of the asymmetric loss.
        **options: see `FashionTask`.
    """

    monitor = "val/map"

    def __init__(
        self, spec: str, *, loss: str = "bce", gamma: float | None = None, margin: float = 0.05, **options: Any
    ) -> None:
        super().__init__(spec, **options)
        self.loss_options: dict[str, Any] = {"kind": loss, "gamma": gamma, "margin": margin}
        allowed = torch.zeros(len(self.spec.class_ids), len(self.spec.attribute_ids), dtype=torch.bool)
        for class_index, attributes in enumerate(self.spec.allowed_pairs):
            allowed[class_index, attributes] = True
        self.register_buffer("allowed", allowed, persistent=False)
        self.metric = AttributeMetric(len(self.spec.attribute_ids))

    def forward(self, batch: Batch) -> Tensor:
        """Logits (G, A) of the batch's garments."""
        logits: Tensor = self.network(
            self.normalize(batch["image"]), batch["regions"], batch["garment_photo"], batch["garment_class"]
        )
        return logits

    def _loss(self, logits_GA: Tensor, batch: Batch) -> Tensor:
        return attribute_loss(
            logits_GA,
            batch["garment_attributes"],
            batch["garment_known"],
            self.get_buffer("allowed"),
            batch["garment_class"],
            **self.loss_options,
        )

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """The loss of a micro-batch."""
        loss = self._loss(self(batch), batch)
        self.log_losses({"loss": loss}, "train", len(batch["image"]))
        return loss

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Loss and scores of a micro-batch's garments."""
        logits = self(batch)
        self.log_losses({"loss": self._loss(logits, batch)}, "val", len(batch["image"]))
        self.metric.update(logits.float().sigmoid(), batch["garment_attributes"], batch["garment_known"])
        # Garments of the truth that the class table does not have: false negatives, never retrieved.
        self.metric.update_missed(batch["missed_attributes"])

    def on_validation_epoch_end(self) -> None:
        """Log the figures over the validation garments."""
        scores = self.metric.compute()
        # What validation cannot judge has no value: Lightning would keep a NaN as the best there is, an infinity.
        self.log_dict({f"val/{name}": value for name, value in scores.items() if value == value}, sync_dist=True)
        self.metric.reset()
