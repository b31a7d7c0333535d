"""The attribute metrics collected over batches and processes."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.utilities.data import dim_zero_cat

from imatfashion.metrics.attribute_scores import AttributeScores, attribute_scores


class AttributeMetric(Metric):
    """Keeps the scores of every known garment: 4 bytes a garment and attribute, twice.

    Args:
        num_attributes: A.
        threshold: the probability from which an attribute counts as predicted.
        **options: torchmetrics' own, such as `sync_on_compute=False`.
    """

    is_differentiable = False
    higher_is_better = True
    full_state_update = False
    scores: list[Tensor]
    targets: list[Tensor]

    def __init__(self, num_attributes: int, threshold: float = 0.5, **options: Any) -> None:
        super().__init__(**options)
        self.num_attributes = num_attributes
        self.threshold = threshold
        # Flat float32: torchmetrics sends an empty tensor of that kind for a process that saw no garment, and all
        # processes must send the same kind. What is not known is NaN in `targets`.
        self.add_state("scores", default=[], dist_reduce_fx="cat")
        self.add_state("targets", default=[], dist_reduce_fx="cat")

    def update(self, scores_GA: Tensor, targets_GA: Tensor, known: Tensor) -> None:
        """Add predicted garments.

        Args:
            scores_GA: probabilities, any floating type.
            targets_GA: whether the garment has the attribute, bool.
            known: whether that is known, bool (G,) or (G, A).

        Raises:
            ValueError: shapes do not fit.
        """
        if scores_GA.shape != targets_GA.shape or scores_GA.shape[1:] != (self.num_attributes,):
            shapes = f"{tuple(scores_GA.shape)} and {tuple(targets_GA.shape)}"
            raise ValueError(f"scores and targets are {shapes}, both must be (G, {self.num_attributes})")
        if known.ndim == 1:  # what is unknown altogether need not be kept
            scores_GA, targets_GA, known = scores_GA[known], targets_GA[known], known[known].unsqueeze(1)
        self.scores.append(scores_GA.detach().float().flatten())
        self.targets.append(targets_GA.float().masked_fill(~known, torch.nan).flatten())

    def update_missed(self, targets_MA: Tensor) -> None:
        """Add true garments that no prediction stands for: bool (M, A), their attributes known."""
        scores = torch.full(targets_MA.shape, -torch.inf, device=targets_MA.device)
        self.update(scores, targets_MA, targets_MA.new_ones(len(targets_MA), dtype=torch.bool))

    def compute(self) -> dict[str, float]:
        """Means over the attributes with a positive and a negative: `map`, `macro_f1` and `prevalence`."""
        return self.attribute_scores().macro()

    def per_attribute(self) -> list[dict[str, float]]:
        """The figures of each attribute: `index` and the fields of `AttributeScores`, NaN where there is none.

        Of this process alone, unless called within `sync_context()`.
        """
        return self.attribute_scores().rows()

    def attribute_scores(self) -> AttributeScores:
        """The figures of each attribute as arrays; of this process alone, unless called within `sync_context()`."""
        scores, targets = (_table(state, self.num_attributes) for state in (self.scores, self.targets))
        return attribute_scores(scores, targets == 1, ~np.isnan(targets), self.threshold)


def _table(state: list[Tensor] | Tensor, columns: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    # A list before, a tensor after the processes' states were joined.
    flat = dim_zero_cat(state) if len(state) else torch.zeros(0)
    return flat.cpu().numpy().astype(np.float32, copy=False).reshape(-1, columns)
