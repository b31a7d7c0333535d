"""Losses of a class's whole region: Dice and Lovász-Softmax.

Both are means over the classes that the truth has in a photo. Background is left out: cross-entropy is mostly about it
already, and the monitored mIoU leaves it out. A class that the truth does not have is left out too (its loss would be
all or nothing); cross-entropy punishes it.
"""

from __future__ import annotations

import torch
from torch import Tensor

_BITS_OF_TWO = 0x40000000  # of a float32
_SMOOTH = 1.0  # pixels added above and below in Dice, so that a class of three pixels is no cliff


def dice_loss(
    log_prob_BLHWC: Tensor, log_true_BLHW: Tensor, labels_BLHW: Tensor, judged_BLHW: Tensor, per_photo: bool
) -> Tensor:
    """Dice (Milletari et al. 2016, without their squares), a mean over a photo's classes.

    A class loses

        1 − (2 Σ p·t + 1) / (Σ p + Σ t + 1),    p the class's probability, t its truth, sums over judged pixels.

    Args:
        log_prob_BLHWC: log-probabilities, float32.
        log_true_BLHW: that of each pixel's class, 0 where nothing is judged.
        labels_BLHW: class indices, int64, any class where nothing is judged.
        judged_BLHW: which pixels count, bool.
        per_photo: a mean over photos; otherwise pixels are pooled over the batch.

    Returns:
        float32 scalar.
    """
    classes = log_prob_BLHWC.shape[-1]
    counted_BLHW = judged_BLHW.float()
    # A product of matrices: a mask times all classes would be written out first.
    predicted = (counted_BLHW.flatten(2).unsqueeze(2) @ log_prob_BLHWC.exp().flatten(2, 3)).squeeze(2)
    overlap = _sum_by_label(torch.where(judged_BLHW, log_true_BLHW.exp(), 0.0), labels_BLHW, classes)
    truth = _sum_by_label(counted_BLHW, labels_BLHW, classes)
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


def lovasz_loss(log_prob_BLHWC: Tensor, labels_BLHW: Tensor, judged_BLHW: Tensor, per_photo: bool) -> Tensor:
    """Lovász-Softmax (Berman et al. 2018): the convex closure of 1 − IoU, a mean over a photo's classes.

    The errors |t − p| of a class's pixels are sorted, falling; each is weighed by what taking it into the set of wrong
    pixels adds to 1 − IoU (the Lovász extension's gradient, their algorithm 1), for all classes at once.

    Args:
        log_prob_BLHWC: log-probabilities, float32.
        labels_BLHW: class indices, int64, any class where nothing is judged.
        judged_BLHW: which pixels count, bool.
        per_photo: a mean over photos; otherwise pixels are pooled over the batch.

    Returns:
        float32 scalar.
    """
    log_prob, labels, judged = log_prob_BLHWC.flatten(2, 3), labels_BLHW.flatten(2), judged_BLHW.flatten(2)
    if not per_photo:
        log_prob, labels, judged = (
            part.transpose(0, 1).flatten(1, 2).unsqueeze(0) for part in (log_prob, labels, judged)
        )
    photo, layer, class_index = _present(labels, judged, log_prob.shape[-1])
    # Only the classes that are there: sorting the pixels of all of them would cost ten times as much.
    prob_KN = log_prob[photo, layer, :, class_index].exp()
    judged_KN = judged[photo, layer]
    truth_KN = (labels[photo, layer] == class_index[:, None]) & judged_KN
    errors_KN = torch.where(judged_KN, torch.where(truth_KN, 1 - prob_KN, prob_KN), 0.0)
    # Pixels that are not judged have no error: sorted last, they change nothing before them and add nothing.
    order_KN = _falling_order(errors_KN.detach())
    errors_KN = errors_KN.gather(1, order_KN)
    losses_K = (errors_KN * _steps_of_jaccard(truth_KN.gather(1, order_KN))).sum(1)
    photos = log_prob.shape[0]
    total_B = losses_K.new_zeros(photos).index_add(0, photo, losses_K)
    return (total_B / photo.bincount(minlength=photos).clamp(min=1)).mean()


def _present(labels_BLN: Tensor, judged_BLN: Tensor, classes: int) -> tuple[Tensor, Tensor, Tensor]:
    """Photo, layer and class of each class that a map has, background left out; int64 (K,) each."""
    counts = labels_BLN.new_zeros((*labels_BLN.shape[:2], classes)).scatter_add(2, labels_BLN, judged_BLN.long())
    photo, layer, class_index = counts[..., :-1].nonzero(as_tuple=True)
    return photo, layer, class_index


def _falling_order(errors_KN: Tensor) -> Tensor:
    """Each row's order from its largest error, at most 2, to its smallest; int64 (K, N)."""
    if errors_KN.device.type != "cpu":
        return errors_KN.argsort(dim=1, descending=True)
    # On a processor torch sorts a row of whole numbers by radix, ten times as fast as floats. The bits of floats that
    # are not negative rise with them, so what is left of the bits of 2.0 falls.
    left_KN = _BITS_OF_TWO - errors_KN.clamp(0, 2).view(torch.int32)
    order_KN = torch.empty_like(left_KN, dtype=torch.int64)
    for order_N, left_N in zip(order_KN, left_KN, strict=True):
        order_N.copy_(left_N.argsort())
    return order_KN


def _steps_of_jaccard(truth_KN: Tensor) -> Tensor:
    """What each pixel adds to 1 − IoU once those before it are wrong, float32 (K, N); truth in the errors' order."""
    found = truth_KN.cumsum(1)
    missed = found[:, -1:]
    wrong = torch.arange(1, truth_KN.shape[1] + 1, device=truth_KN.device)
    # After k pixels: missed − found true ones are left, and k − found others were added to the union.
    jaccard = 1 - (missed - found) / (missed + wrong - found)
    return torch.diff(jaccard, dim=1, prepend=jaccard.new_zeros(len(jaccard), 1))
