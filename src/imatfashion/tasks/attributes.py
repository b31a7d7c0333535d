"""Stage 2: the attribute classifier."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from imatfashion.data.collate import Batch
from imatfashion.data.judged_pairs import judged_pairs
from imatfashion.metrics.attributes import AttributeMetric
from imatfashion.models.losses import AttributeLoss, attribute_loss
from imatfashion.tasks.base import FashionTask

if TYPE_CHECKING:
    from imatfashion.data.datamodule import FashionDataModule


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
        self.pairs_per_photo = 1.0

    def forward(self, batch: Batch) -> Tensor:
        """Logits (G, A) of the batch's garments."""
        logits: Tensor = self.network(
            self.normalize(batch["image"]), batch["regions"], batch["garment_photo"], batch["garment_class"]
        )
        return logits

    def _loss(self, logits_GA: Tensor, batch: Batch) -> AttributeLoss:
        return attribute_loss(
            logits_GA,
            batch["garment_attributes"],
            batch["garment_known"],
            self.get_buffer("allowed"),
            batch["garment_class"],
            **self.loss_options,
        )

    def on_fit_start(self) -> None:
        """Count what a training photo has to judge."""
        super().on_fit_start()
        data: FashionDataModule = self.trainer.datamodule  # type: ignore[attr-defined]
        negative = data.config.unlabelled_attributes == "negative"
        pairs = judged_pairs(data.truth, self.get_buffer("allowed").cpu().numpy(), negative=negative)
        self.pairs_per_photo = max(1.0, float(pairs[np.asarray(data.train_indices)].mean()))

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """The loss of a micro-batch: the sum over its pairs, by what as many photos have on average.

        Divided by the pairs of the micro-batch itself, a garment that is alone among unknown ones would weigh more, and
        a batch would give another step when it is divided otherwise over devices and accumulation.
        """
        loss = self._loss(self(batch), batch)
        self.log_losses({"loss": loss.mean}, "train", len(batch["image"]))
        return loss.total / (len(batch["image"]) * self.pairs_per_photo)

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Loss and scores of a micro-batch's garments."""
        logits = self(batch)
        loss = self._loss(logits, batch)
        self.log_losses({"loss": loss.mean}, "val", int(loss.pairs))
        self.metric.update(logits.float().sigmoid(), batch["garment_attributes"], batch["garment_known"])
        # Garments of the truth that the class table does not have: false negatives, never retrieved.
        self.metric.update_missed(batch["missed_attributes"])

    def on_validation_epoch_end(self) -> None:
        """Log the figures over the validation garments."""
        scores = self.metric.compute()
        # What validation cannot judge has no value: Lightning would keep a NaN as the best there is, an infinity.
        self.log_dict({f"val/{name}": value for name, value in scores.items() if value == value}, sync_dist=True)
        self.metric.reset()
