"""Losses of both stages, always in float32 and outside autocast: a Dice sum over 512 × 512 pixels is inf in float16.

Both are means over the photos or pairs that are judged; what is unknown (ignored pixels, garments whose attributes
were left open, pairs ruled out) adds nothing, and a batch with nothing to judge gives 0 with a gradient of 0.
"""

from __future__ import annotations

import torch
from torch import Tensor

_SMOOTH = 1.0  # pixels added above and below in Dice, so that a class of three pixels is no cliff


def segmentation_loss(
    logits_BLCHW: Tensor,
    labels_BLHW: Tensor,
    *,
    dice_weight: float = 1.0,
    ignore: int = 255,
    per_photo: bool = True,
) -> dict[str, Tensor]:
    """Cross-entropy plus weighted Dice.

    Cross-entropy of a photo is its mean over the judged pixels of all layers. Dice (Milletari et al. 2016, without
    their squares) is, over the classes that the truth has, the mean of

        1 − (2 Σ p·t + 1) / (Σ p + Σ t + 1),    p the class's probability, t its truth, sums over judged pixels.

    Background is left out of Dice: cross-entropy is mostly about it already, and the monitored mIoU leaves it out. A
    class that the truth does not have is left out too (its Dice would be all or nothing); cross-entropy punishes it.

    Args:
        logits_BLCHW: logits, background last (of any floating type).
        labels_BLHW: class indices, background = C − 1, `ignore` where nothing is known; any integer type.
        dice_weight: weight of Dice beside cross-entropy.
        ignore: the label of pixels that are not judged.
        per_photo: normalise in each photo, then average over photos, so that the gradient accumulated over equal
            micro-batches is the large batch's; otherwise pixels and classes are pooled over the batch, which weighs
            rare classes more.

    Returns:
        float32 scalars `loss`, `cross_entropy` and `dice`; only `loss` is meant for backward.
    """
    with torch.autocast(logits_BLCHW.device.type, enabled=False):
        log_prob = logits_BLCHW.float().log_softmax(dim=2)
        judged = labels_BLHW != ignore
        labels = labels_BLHW.long().masked_fill(~judged, 0)
        log_true = log_prob.gather(2, labels.unsqueeze(2)).squeeze(2)
        # where, not a product: an ignored pixel may well carry a logit of −1e4.
        log_true = torch.where(judged, log_true, 0.0)
        cross_entropy = _cross_entropy(log_true, judged, per_photo)
        dice = _dice(log_prob, log_true, labels, judged, per_photo)
        loss = cross_entropy + dice_weight * dice
    return {"loss": loss, "cross_entropy": cross_entropy.detach(), "dice": dice.detach()}


def _cross_entropy(log_true_BLHW: Tensor, judged_BLHW: Tensor, per_photo: bool) -> Tensor:
    total, count = -log_true_BLHW.sum((1, 2, 3)), judged_BLHW.sum((1, 2, 3))
    if per_photo:
        return (total / count.clamp(min=1)).mean()
    return total.sum() / count.sum().clamp(min=1)


def _dice(log_prob_BLCHW: Tensor, log_true_BLHW: Tensor, labels: Tensor, judged: Tensor, per_photo: bool) -> Tensor:
    classes = log_prob_BLCHW.shape[2]
    predicted = (log_prob_BLCHW.exp() * judged.unsqueeze(2)).sum((3, 4))
    overlap = _sum_by_label(torch.where(judged, log_true_BLHW.exp(), 0.0), labels, classes)
    truth = _sum_by_label(judged.float(), labels, classes)
    if not per_photo:
        predicted, overlap, truth = (part.sum(0, keepdim=True) for part in (predicted, overlap, truth))
    present = truth > 0
    present[..., -1] = False
    miss = 1 - (2 * overlap + _SMOOTH) / (predicted + truth + _SMOOTH)
    return (torch.where(present, miss, 0.0).sum((1, 2)) / present.sum((1, 2)).clamp(min=1)).mean()


def _sum_by_label(values_BLHW: Tensor, labels_BLHW: Tensor, classes: int) -> Tensor:
    """Sums (B, L, classes) of values over the pixels of each label."""
    # Row by row first: on a GPU all pixels of a photo adding to the same few numbers would wait for one another.
    rows = values_BLHW.new_zeros((*values_BLHW.shape[:3], classes))
    return rows.scatter_add(3, labels_BLHW, values_BLHW).sum(2)


def attribute_loss(
    logits_GA: Tensor, targets_GA: Tensor, known_G: Tensor, allowed_pairs: Tensor, garment_class: Tensor
) -> Tensor:
    """Binary cross-entropy, the mean over the pairs (garment, attribute) that are known and allowed.

    Args:
        logits_GA: logits, any floating type.
        targets_GA: whether the garment has the attribute, bool.
        known_G: whether the garment's attributes are known, bool (G,); or bool (G, A), attribute by attribute.
        allowed_pairs: whether a class can have an attribute, bool (C, A).
        garment_class: class index of each garment, int64 (G,).

    Returns:
        float32 scalar.
    """
    known = known_G if known_G.ndim == 2 else known_G.unsqueeze(1)
    judged = known & allowed_pairs[garment_class]
    with torch.autocast(logits_GA.device.type, enabled=False):
        losses = torch.nn.functional.binary_cross_entropy_with_logits(
            logits_GA.float(), targets_GA.float(), reduction="none"
        )
        return torch.where(judged, losses, 0.0).sum() / judged.sum().clamp(min=1)
