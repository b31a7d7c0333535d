"""The attribute classifier's loss: multi-label, over what is known and possible."""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

_GAMMA = {"focal": 2.0, "asymmetric": 4.0}
_LEAST = 1e-8  # least probability whose power is taken: at 0 a power below 1 has no gradient


class AttributeLoss(NamedTuple):
    """The sum over the pairs that are judged, float32 scalar with a gradient, and their number, int64 scalar."""

    total: Tensor
    pairs: Tensor

    @property
    def mean(self) -> Tensor:
        """Loss a judged pair, 0 where there is none."""
        return self.total / self.pairs.clamp(min=1)


def attribute_loss(
    logits_GA: Tensor,
    targets_GA: Tensor,
    known_G: Tensor,
    allowed_pairs: Tensor,
    garment_class: Tensor,
    *,
    kind: str = "bce",
    gamma: float | None = None,
    margin: float = 0.05,
) -> AttributeLoss:
    """The loss over the pairs (garment, attribute) that are known and allowed.

    - `bce`: binary cross-entropy, −log p for what a garment has and −log(1 − p) for what it has not;
    - `focal` (Lin et al. 2017, without α): those times (1 − p)^γ and p^γ;
    - `asymmetric` (Ridnik et al. 2021): −log p, and −q^γ log(1 − q) with q = max(p − margin, 0).

    Args:
        logits_GA: logits, any floating type.
        targets_GA: whether the garment has the attribute, bool.
        known_G: whether the garment's attributes are known, bool (G,).
        allowed_pairs: whether a class can have an attribute, bool (C, A).
        garment_class: class index of each garment, int64 (G,).
        kind: `bce`, `focal` or `asymmetric`.
        gamma: γ; None for 2 (focal) and 4 (asymmetric).
        margin: of the asymmetric loss.
    """
    judged = known_G.unsqueeze(1) & allowed_pairs[garment_class]
    with torch.autocast(logits_GA.device.type, enabled=False):
        logits = logits_GA.float()
        losses = F.binary_cross_entropy_with_logits(logits, targets_GA.float(), reduction="none")
        if kind != "bce":
            focus = _GAMMA[kind] if gamma is None else gamma
            losses = _focused(logits, targets_GA, losses, focus, margin if kind == "asymmetric" else None)
        return AttributeLoss(torch.where(judged, losses, 0.0).sum(), judged.sum())


def _focused(logits: Tensor, targets: Tensor, cross_entropy: Tensor, gamma: float, margin: float | None) -> Tensor:
    probability = logits.sigmoid()
    if margin is None:
        wrong = torch.where(targets, 1 - probability, probability)
        return cross_entropy * wrong.clamp(min=_LEAST) ** gamma
    shifted = (probability - margin).clamp(min=0.0)
    # Without a margin the logarithm is taken from the logit: 1 − p may be 0.
    negative = -torch.log1p(-shifted) if margin else cross_entropy
    return torch.where(targets, cross_entropy, negative * shifted.clamp(min=_LEAST) ** gamma)
