from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from imatfashion.models.losses import attribute_loss, segmentation_loss


def _batch(layers: int = 1, seed: int = 0) -> tuple[Tensor, Tensor]:
    torch.manual_seed(seed)
    logits, labels = torch.randn(3, layers, 5, 9, 7), torch.randint(0, 5, (3, layers, 9, 7), dtype=torch.uint8)
    labels[0, :, :3] = 255
    labels[1][labels[1] == 2] = 4  # class 2 is not in photo 1
    return logits, labels


def _dice_of_one_map(logits_CN: Tensor, labels_N: Tensor) -> list[float]:
    """1 − Dice of each class that the truth has, background (the last) excluded: pixel by pixel."""
    probabilities, misses = logits_CN.softmax(0), []
    for class_index in range(len(logits_CN) - 1):
        truth = [int(label) == class_index for label in labels_N]
        if any(truth):
            judged = [int(label) != 255 for label in labels_N]
            p = [float(x) * ok for x, ok in zip(probabilities[class_index], judged, strict=True)]
            both = sum(x for x, hit in zip(p, truth, strict=True) if hit)
            misses.append(1 - (2 * both + 1) / (sum(p) + sum(truth) + 1))
    return misses


@pytest.mark.parametrize("layers", [1, 2])
def test_per_photo_loss_against_plain_python(layers: int) -> None:
    logits, labels = _batch(layers)
    dice, cross_entropy = [], []
    for photo_logits, photo_labels in zip(logits, labels, strict=True):
        misses = [
            m
            for x, y in zip(photo_logits, photo_labels, strict=True)
            for m in _dice_of_one_map(x.flatten(1), y.flatten())
        ]
        dice.append(sum(misses) / len(misses))
        # torch's own, over all pixels of all layers
        cross_entropy.append(F.cross_entropy(photo_logits, photo_labels.long(), ignore_index=255).item())
    found = segmentation_loss(logits, labels, dice_weight=0.5)
    assert found["dice"].item() == pytest.approx(sum(dice) / 3, rel=1e-5)
    assert found["cross_entropy"].item() == pytest.approx(sum(cross_entropy) / 3, rel=1e-5)
    assert found["loss"].item() == pytest.approx((sum(cross_entropy) + 0.5 * sum(dice)) / 3, rel=1e-5)


def test_pooled_loss_against_plain_python() -> None:
    logits, labels = _batch()
    found = segmentation_loss(logits, labels, dice_weight=1.0, per_photo=False)
    flat_logits, flat_labels = logits.squeeze(1).transpose(0, 1).flatten(1), labels.flatten()
    misses = _dice_of_one_map(flat_logits, flat_labels)
    assert found["dice"].item() == pytest.approx(sum(misses) / len(misses), rel=1e-5)
    wanted = F.cross_entropy(flat_logits.T, flat_labels.long(), ignore_index=255).item()
    assert found["cross_entropy"].item() == pytest.approx(wanted, rel=1e-5)


def test_gradients_of_equal_micro_batches_add_up_to_the_large_batchs() -> None:
    logits, labels = _batch()
    whole = logits.clone().requires_grad_()
    segmentation_loss(whole, labels, dice_weight=1.0)["loss"].backward()
    parts = logits.clone().requires_grad_()
    for index in range(3):
        piece = slice(index, index + 1)
        (segmentation_loss(parts[piece], labels[piece], dice_weight=1.0)["loss"] / 3).backward()
    torch.testing.assert_close(parts.grad, whole.grad)


@pytest.mark.parametrize("per_photo", [True, False])
def test_a_batch_with_nothing_to_judge_is_0_with_a_gradient(per_photo: bool) -> None:
    logits = torch.randn(2, 1, 4, 5, 5, requires_grad=True)
    losses = segmentation_loss(logits, torch.full((2, 1, 5, 5), 255), dice_weight=1.0, per_photo=per_photo)
    losses["loss"].backward()
    assert losses["loss"].item() == 0
    assert logits.grad is not None
    assert logits.grad.count_nonzero() == 0


def test_a_photo_of_background_alone_has_no_dice() -> None:
    losses = segmentation_loss(torch.randn(1, 1, 4, 5, 5), torch.full((1, 1, 5, 5), 3), dice_weight=1.0)
    assert losses["dice"].item() == 0
    assert losses["cross_entropy"].item() > 0


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_absent_classes_and_large_maps_stay_finite_in_every_precision(dtype: torch.dtype) -> None:
    logits = torch.zeros(1, 2, 3, 300, 300, dtype=dtype)
    logits[:, 0, 1] = logits[:, 1, 0] = -1e4
    logits.requires_grad_()
    labels = torch.zeros(1, 2, 300, 300, dtype=torch.uint8)
    labels[:, 1] = 1
    labels[:, :, :10] = 255
    with torch.autocast("cpu", dtype=torch.bfloat16):
        losses = segmentation_loss(logits, labels, dice_weight=1.0)
    losses["loss"].backward()
    assert losses["loss"].dtype == torch.float32
    assert losses["cross_entropy"].item() == pytest.approx(0.6931, abs=1e-3)
    assert logits.grad is not None
    assert logits.grad.isfinite().all()


def test_perfect_logits_lose_almost_nothing() -> None:
    _, labels = _batch()
    logits = 50.0 * F.one_hot(labels.long().clamp(max=4), 5).movedim(-1, 2)
    assert segmentation_loss(logits, labels, dice_weight=1.0)["loss"].item() < 1e-5


def test_the_same_twice() -> None:
    logits, labels = _batch(2)
    first, second = (segmentation_loss(logits, labels, dice_weight=1.0)["loss"] for _ in range(2))
    assert first.item() == second.item()


def test_attribute_loss_is_the_mean_over_known_and_allowed_pairs() -> None:
    torch.manual_seed(0)
    logits, targets = torch.randn(5, 3), torch.rand(5, 3) > 0.5
    known, classes = torch.tensor([True, False, True, True, True]), torch.tensor([0, 0, 1, 1, 0])
    allowed = torch.tensor([[True, False, True], [False, False, True]])
    logits[~allowed[classes]] = -1e4
    targets[2, 0] = True  # a pair that is ruled out must not cost 10,000
    wanted = [
        F.binary_cross_entropy_with_logits(logits[g, a], targets[g, a].float()).item()
        for g in range(5)
        for a in range(3)
        if known[g] and allowed[classes[g], a]
    ]
    loss = attribute_loss(logits, targets, known, allowed, classes)
    assert loss.pairs.item() == len(wanted)
    assert loss.total.item() == pytest.approx(sum(wanted), rel=1e-6)
    found = loss.mean
    assert found.item() == pytest.approx(sum(wanted) / len(wanted), rel=1e-6)
    half = attribute_loss(logits.half(), targets, known, allowed, classes).mean
    assert half.dtype == torch.float32
    assert half.item() == pytest.approx(found.item(), rel=1e-2)


@pytest.mark.parametrize("garments", [0, 4])
def test_attribute_loss_without_anything_known_is_0_with_a_gradient(garments: int) -> None:
    logits = torch.randn(garments, 3, requires_grad=True)
    no = torch.zeros(garments, dtype=torch.bool)
    loss = attribute_loss(logits, logits > 0, no, torch.ones(2, 3, dtype=torch.bool), no.long()).mean
    loss.backward()
    assert loss.item() == 0
    assert logits.grad is not None
    assert logits.grad.count_nonzero() == 0
