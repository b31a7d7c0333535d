"""The class segmenter's loss: cross-entropy, perhaps focused, smoothed and balanced, and a region loss beside it."""

from __future__ import annotations

import torch
from torch import Tensor

from imatfashion.models.losses.regions import dice_loss, lovasz_loss
from imatfashion.models.segmenter import ABSENT

# Below any probability that float32 tells from 1 − p = 0, whose power would have no gradient.
_LEAST = 1e-8


def segmentation_loss(
    logits_BLCHW: Tensor,
    labels_BLHW: Tensor,
    *,
    dice_weight: float = 1.0,
    region_loss: str = "dice",
    focal_gamma: float = 0.0,
    label_smoothing: float = 0.0,
    class_weights_LC: Tensor | None = None,
    ignore: int = 255,
    per_photo: bool = True,
    stride: int = 1,
) -> dict[str, Tensor]:
    """Cross-entropy plus a weighted region loss.

    Cross-entropy of a photo is its mean over the judged pixels of all layers. A pixel of class y whose predicted
    probabilities are p costs

        w_y · (1 − p_y)^γ · [(1 − ε) · (−log p_y) + ε · mean over classes of (−log p)],

    γ of Lin et al. 2017 (focal loss), ε of Szegedy et al. 2016 (label smoothing); by default −log p_y.

    Args:
        logits_BLCHW: logits, background last (of any floating type).
        labels_BLHW: class indices, background = C − 1, `ignore` where nothing is known; any integer type.
        dice_weight: weight of the region loss beside cross-entropy.
        region_loss: `dice`, `lovasz` or `none`.
        focal_gamma: γ; 0 weighs easy and hard pixels alike.
        label_smoothing: ε; classes that cannot lie on a layer get no share of it.
        class_weights_LC: w of each class on each layer; None for 1.
        ignore: the label of pixels that are not judged.
        per_photo: normalise in each photo, then average over photos, so that the gradient accumulated over equal
            micro-batches is the large batch's; otherwise pixels and classes are pooled over the batch, which weighs
            rare classes more.
        stride: of every n-th row and column alone. Logits change slowly between pixels; what sorts and sums them need
            not see every one.

    Returns:
        float32 scalars `loss`, `cross_entropy` and the region loss by its name; only `loss` is meant for backward.
    """
    every = slice(None, None, stride)
    logits_BLCHW, labels_BLHW = logits_BLCHW[..., every, every], labels_BLHW[..., every, every]
    with torch.autocast(logits_BLCHW.device.type, enabled=False):
        # Classes last, as channels_last networks write them: nothing is copied, and a pixel's classes are neighbours.
        log_prob = logits_BLCHW.movedim(2, -1).float().log_softmax(dim=-1)
        judged = labels_BLHW != ignore
        labels = labels_BLHW.long().masked_fill(~judged, 0)
        log_true = log_prob.gather(-1, labels.unsqueeze(-1)).squeeze(-1)
        # where, not a product: an ignored pixel may well carry a logit of −1e4.
        log_true = torch.where(judged, log_true, 0.0)
        scores = _smoothed(log_true, log_prob, judged, label_smoothing)
        scores = _weighed(scores, log_true, labels, focal_gamma, class_weights_LC)
        loss = cross_entropy = _mean(scores, judged, per_photo)
        parts = {"cross_entropy": cross_entropy.detach()}
        if region_loss == "dice":
            region = dice_loss(log_prob, log_true, labels, judged, per_photo)
        elif region_loss == "lovasz":
            region = lovasz_loss(log_prob, labels, judged, per_photo)
        if region_loss != "none":
            loss = cross_entropy + dice_weight * region
            parts[region_loss] = region.detach()
    return {"loss": loss, **parts}


def _smoothed(log_true_BLHW: Tensor, log_prob_BLHWC: Tensor, judged_BLHW: Tensor, share: float) -> Tensor:
    """Log-probabilities that the target asks for (B, L, H, W)."""
    if not share:
        return log_true_BLHW
    possible = log_prob_BLHWC.detach().amax((0, 2, 3)) > ABSENT / 2
    evenly = (possible / possible.sum(1, keepdim=True))[:, None, None]
    # where: −1e4 times a share of 0 is 0, but an own network may say −inf.
    mean = torch.where(possible[:, None, None], log_prob_BLHWC * evenly, 0.0).sum(-1)
    return (1 - share) * log_true_BLHW + share * torch.where(judged_BLHW, mean, 0.0)


def _weighed(
    scores_BLHW: Tensor, log_true_BLHW: Tensor, labels_BLHW: Tensor, gamma: float, weights_LC: Tensor | None
) -> Tensor:
    if gamma:
        scores_BLHW = scores_BLHW * (1 - log_true_BLHW.exp()).clamp(min=_LEAST) ** gamma
    if weights_LC is not None:
        layers = torch.arange(len(weights_LC), device=weights_LC.device)[:, None, None]
        scores_BLHW = scores_BLHW * weights_LC[layers, labels_BLHW]
    return scores_BLHW


def _mean(scores_BLHW: Tensor, judged_BLHW: Tensor, per_photo: bool) -> Tensor:
    total, count = -scores_BLHW.sum((1, 2, 3)), judged_BLHW.sum((1, 2, 3))
    if per_photo:
        return (total / count.clamp(min=1)).mean()
    return total.sum() / count.sum().clamp(min=1)
