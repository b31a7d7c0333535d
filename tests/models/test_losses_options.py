"""The losses that are off by default, against plain loops and torch's own."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from imatfashion.models.losses import attribute_loss, class_weights, segmentation_loss


def _batch(layers: int = 1, seed: int = 0) -> tuple[Tensor, Tensor]:
    torch.manual_seed(seed)
    logits, labels = 2 * torch.randn(3, layers, 5, 9, 7), torch.randint(0, 5, (3, layers, 9, 7), dtype=torch.uint8)
    labels[0, :, :3] = 255
    labels[1][labels[1] == 2] = 4  # class 2 is not in photo 1
    return logits, labels


def _lovasz_of_one_class(errors: list[float], truth: list[bool]) -> float:
    """Berman et al. 2018, equations 8 and 9, with sets: Σ error of the i-th · (Δ of i pixels − Δ of i − 1).

    Δ of a set of wrong pixels is 1 − IoU of the truth with the truth of which just these are predicted wrongly.
    """
    order = sorted(range(len(errors)), key=lambda pixel: -errors[pixel])
    true = {pixel for pixel, hit in enumerate(truth) if hit}
    total, before, wrong = 0.0, 0.0, set[int]()
    for pixel in order:
        wrong.add(pixel)
        delta = len(wrong) / len(true | wrong)
        total += errors[pixel] * (delta - before)
        before = delta
    return total


def _lovasz_of_maps(logits: Tensor, labels: Tensor) -> float:
    """Mean over the classes of maps (L, C, N) and (L, N) that the truth has, background excluded."""
    losses = []
    for map_logits, map_labels in zip(logits, labels, strict=True):
        kept = map_labels != 255
        probability = map_logits.softmax(0)[:, kept]
        for class_index in range(len(map_logits) - 1):
            truth = (map_labels[kept] == class_index).tolist()
            if any(truth):
                pairs = zip(probability[class_index].tolist(), truth, strict=True)
                losses.append(_lovasz_of_one_class([1 - p if hit else p for p, hit in pairs], truth))
    return sum(losses) / len(losses) if losses else 0.0


@pytest.mark.parametrize("layers", [1, 2])
def test_lovasz_per_photo(layers: int) -> None:
    logits, labels = _batch(layers)
    wanted = [_lovasz_of_maps(x.flatten(2), y.flatten(1)) for x, y in zip(logits, labels, strict=True)]
    found = segmentation_loss(logits, labels, region_loss="lovasz", dice_weight=0.5)
    assert found["lovasz"].item() == pytest.approx(sum(wanted) / 3, rel=1e-5)
    assert found["loss"].item() == pytest.approx(found["cross_entropy"].item() + 0.5 * sum(wanted) / 3, rel=1e-5)
    assert "dice" not in found


def test_lovasz_pooled() -> None:
    logits, labels = _batch(2)
    flat = logits.permute(1, 2, 0, 3, 4).flatten(2), labels.transpose(0, 1).flatten(1)
    found = segmentation_loss(logits, labels, region_loss="lovasz", per_photo=False)
    assert found["lovasz"].item() == pytest.approx(_lovasz_of_maps(*flat), rel=1e-5)


def test_lovasz_of_many_pixels_and_ties() -> None:
    """As many pixels as a photo has, which torch sorts in another way, and errors of exactly 0 and 1 among them."""
    torch.manual_seed(0)
    labels = torch.randint(0, 3, (1, 1, 160, 240), dtype=torch.uint8)
    logits = 3 * torch.randn(1, 1, 3, 160, 240)
    logits[..., 0, :40, :] = 200.0
    found = segmentation_loss(logits, labels, region_loss="lovasz")
    assert found["lovasz"].item() == pytest.approx(_lovasz_by_numpy(logits[0, 0], labels[0, 0]), rel=1e-5)


def _lovasz_by_numpy(logits: Tensor, labels: Tensor) -> float:
    """Equation 9 with the order and the sums of numpy, in double precision; all pixels are judged."""
    losses = []
    for class_index in range(len(logits) - 1):
        truth = (labels == class_index).numpy().ravel()
        errors = np.abs(truth - logits.double().softmax(0)[class_index].numpy().ravel())
        order = np.argsort(-errors, kind="stable")
        hits = np.cumsum(truth[order])
        jaccard = 1 - (hits[-1] - hits) / (hits[-1] + np.cumsum(~truth[order]))
        losses.append(errors[order] @ np.diff(jaccard, prepend=0))
    return float(np.mean(losses))


def test_lovasz_of_a_map_without_a_class_is_0() -> None:
    """And nothing of it is NaN."""
    logits = torch.randn(2, 1, 5, 9, 7, requires_grad=True)
    found = segmentation_loss(logits, torch.full((2, 1, 9, 7), 4), region_loss="lovasz")
    found["loss"].backward()
    assert found["lovasz"].item() == 0
    assert logits.grad is not None
    assert logits.grad.isfinite().all()


def test_lovasz_of_a_hard_prediction_is_1_minus_iou() -> None:
    _, labels = _batch(seed=3)
    guess = torch.randint(0, 5, labels.shape)
    found = segmentation_loss(200.0 * F.one_hot(guess, 5).movedim(-1, 2), labels, region_loss="lovasz")
    misses = []
    for truth, mine in zip(labels, guess, strict=True):
        kept, per_class = truth != 255, []
        for class_index in range(4):
            one, other = (truth == class_index) & kept, (mine == class_index) & kept
            if one.any():
                per_class.append(1 - (one & other).sum().item() / (one | other).sum().item())
        misses.append(sum(per_class) / len(per_class))
    assert found["lovasz"].item() == pytest.approx(sum(misses) / 3, rel=1e-5)


def test_label_smoothing_is_torchs() -> None:
    logits, labels = _batch()
    wanted = [
        F.cross_entropy(x, y.long(), ignore_index=255, label_smoothing=0.2).item()
        for x, y in zip(logits, labels, strict=True)
    ]
    found = segmentation_loss(logits, labels, region_loss="none", label_smoothing=0.2)
    assert found["loss"].item() == pytest.approx(sum(wanted) / 3, rel=1e-5)
    assert set(found) == {"loss", "cross_entropy"}


def test_label_smoothing_leaves_out_the_classes_of_other_layers() -> None:
    """Layer 0 has classes 0, 1, 2 and background, layer 1 class 3 and background: the rest has −1e4."""
    logits, labels = _batch(2)
    mine = ([0, 1, 2, 4], [3, 4])
    absent = torch.ones(2, 5, dtype=torch.bool)
    for layer, classes in enumerate(mine):
        absent[layer, classes] = False
        labels[:, layer] = torch.tensor(classes, dtype=torch.uint8)[labels[:, layer].long() % len(classes)]
    logits = logits.masked_fill(absent[None, :, :, None, None], -1e4).requires_grad_()
    total = 0.0
    for photo in range(3):
        for layer, classes in enumerate(mine):
            kept = logits[photo, layer, classes].flatten(1).T
            renamed = torch.tensor([classes.index(int(label)) for label in labels[photo, layer].flatten()])
            total += F.cross_entropy(kept, renamed, label_smoothing=0.1).item() / 6
    found = segmentation_loss(logits, labels, region_loss="none", label_smoothing=0.1)["loss"]
    assert found.item() == pytest.approx(total, rel=1e-5)
    found.backward()
    assert logits.grad is not None
    assert logits.grad.isfinite().all()


@pytest.mark.parametrize("gamma", [0.5, 2.0])
def test_focal_against_plain_python(gamma: float) -> None:
    logits, labels = _batch(2)
    weights = torch.rand(2, 5) + 0.5
    photos = []
    for x, y in zip(logits.softmax(2), labels, strict=True):
        costs = [
            float(weights[layer, label]) * -((1 - p) ** gamma) * math.log(p)
            for layer in range(2)
            for place in range(63)
            if (label := int(y[layer].flatten()[place])) != 255
            for p in [float(x[layer, label].flatten()[place])]
        ]
        photos.append(sum(costs) / len(costs))
    found = segmentation_loss(logits, labels, focal_gamma=gamma, class_weights_LC=weights, region_loss="none")
    assert found["loss"].item() == pytest.approx(sum(photos) / 3, rel=1e-5)


def test_weights_are_torchs_up_to_the_norm() -> None:
    logits, labels = _batch()
    weights = torch.rand(1, 5) + 0.5
    flat = logits.squeeze(1), labels.squeeze(1).long()
    total = F.cross_entropy(*flat, weight=weights[0], ignore_index=255, reduction="sum").item()
    found = segmentation_loss(logits, labels, class_weights_LC=weights, region_loss="none", per_photo=False)
    assert found["loss"].item() == pytest.approx(total / int((labels != 255).sum()), rel=1e-5)


def test_weights_have_mean_1_over_the_pixels() -> None:
    shares, layers = np.array([0.2, 0.01, 0.05, 0.0]), (0, 0, 1, 0)
    for power in (0.0, 0.5, 1.0):
        weights = class_weights(shares, layers, power).double().numpy()
        assert weights[0, [0, 1, 4]] @ [0.2, 0.01, 0.79] == pytest.approx(1, rel=1e-6)
        assert weights[1, [2, 4]] @ [0.05, 0.95] == pytest.approx(1, rel=1e-6)
        assert weights[0, 1] / weights[0, 0] == pytest.approx(20**power, rel=1e-6)
        # What never occurs, or lies on another layer, weighs 1.
        assert (weights[0, [2, 3]] == 1).all()


def test_weights_where_garments_that_overlap_add_up_to_more_than_the_photo() -> None:
    weights = class_weights(np.array([0.9, 0.3]), (0, 0), 0.5).double().numpy()
    assert weights[0] @ np.array([0.9, 0.3, 1e-6]) / 1.200001 == pytest.approx(1, rel=1e-6)
    assert np.isfinite(weights).all()


OPTIONS = [
    {"region_loss": "lovasz"},
    {"focal_gamma": 0.5},
    {"label_smoothing": 0.1},
    {"class_weights_LC": torch.tensor([[0.5, 1.0, 2.0, 3.0, 0.9], [0.7, 1.0, 2.0, 3.0, 0.9]])},
]


@pytest.mark.parametrize("options", OPTIONS, ids=lambda options: next(iter(options)))
def test_gradients_of_equal_micro_batches_add_up_to_the_large_batchs(options: dict[str, object]) -> None:
    logits, labels = _batch(2)
    whole, parts = logits.clone().requires_grad_(), logits.clone().requires_grad_()
    segmentation_loss(whole, labels, **options)["loss"].backward()  # type: ignore[arg-type]
    for index in range(3):
        piece = slice(index, index + 1)
        (segmentation_loss(parts[piece], labels[piece], **options)["loss"] / 3).backward()  # type: ignore[arg-type]
    torch.testing.assert_close(parts.grad, whole.grad)


@pytest.mark.parametrize("options", OPTIONS, ids=lambda options: next(iter(options)))
@pytest.mark.parametrize("label", [255, 4], ids=["ignored", "background"])
def test_nothing_to_judge_and_certain_pixels_have_a_finite_gradient(options: dict[str, object], label: int) -> None:
    logits = torch.zeros(2, 2, 5, 4, 4, dtype=torch.float16)
    logits[:, :, 4] = 200.0  # background for certain: 1 − p is 0
    logits[:, 1, 0] = -1e4
    logits.requires_grad_()
    found = segmentation_loss(logits, torch.full((2, 2, 4, 4), label), **options)  # type: ignore[arg-type]
    found["loss"].backward()
    assert found["loss"].dtype == torch.float32
    assert logits.grad is not None
    assert logits.grad.isfinite().all()
    if label == 255:
        assert found["loss"].item() == 0
        assert logits.grad.count_nonzero() == 0


def _pairs() -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    torch.manual_seed(0)
    logits, targets = 3 * torch.randn(6, 3), torch.rand(6, 3) > 0.6
    known, classes = torch.tensor([True, False, True, True, True, True]), torch.tensor([0, 0, 1, 1, 0, 1])
    allowed = torch.tensor([[True, False, True], [False, True, True]])
    return logits.masked_fill(~allowed[classes], -1e4), targets, known, allowed, classes


def _one_pair(logit: float, has: bool, kind: str, gamma: float, margin: float) -> float:
    p = 1 / (1 + math.exp(-logit))
    if kind == "focal":
        return -((1 - p) ** gamma) * math.log(p) if has else -(p**gamma) * math.log(1 - p)
    q = max(p - margin, 0.0)
    return -math.log(p) if has else -(q**gamma) * math.log(1 - q)


@pytest.mark.parametrize(
    ("kind", "gamma", "margin"),
    [("focal", None, 0.05), ("focal", 0.5, 0.05), ("asymmetric", None, 0.05), ("asymmetric", 1.0, 0.0)],
)
def test_attribute_losses_against_plain_python(kind: str, gamma: float | None, margin: float) -> None:
    logits, targets, known, allowed, classes = _pairs()
    logits.requires_grad_()
    focus = {"focal": 2.0, "asymmetric": 4.0}[kind] if gamma is None else gamma
    costs = [
        _one_pair(float(logits.detach()[g, a]), bool(targets[g, a]), kind, focus, margin)
        for g in range(6)
        for a in range(3)
        if known[g] and allowed[classes[g], a]
    ]
    found = attribute_loss(logits, targets, known, allowed, classes, kind=kind, gamma=gamma, margin=margin).mean
    assert found.item() == pytest.approx(sum(costs) / len(costs), rel=1e-5)
    found.backward()
    assert logits.grad is not None
    assert logits.grad.isfinite().all()
    assert not logits.grad[~(known[:, None] & allowed[classes])].any()


@pytest.mark.parametrize("kind", ["focal", "asymmetric"])
def test_certain_attributes_have_a_finite_gradient(kind: str) -> None:
    logits = torch.tensor([[120.0, -120.0, 120.0, -120.0]], requires_grad=True)
    targets = torch.tensor([[True, True, False, False]])
    yes = torch.ones(1, 4, dtype=torch.bool)
    loss = attribute_loss(
        logits, targets, yes[:, 0], yes, torch.zeros(1, dtype=torch.int64), kind=kind, gamma=0.5
    ).total
    loss.backward()
    assert loss.isfinite()
    assert logits.grad is not None
    assert logits.grad.isfinite().all()


def test_focus_of_0_is_binary_cross_entropy() -> None:
    pairs = _pairs()
    plain = attribute_loss(*pairs).mean
    assert attribute_loss(*pairs, kind="focal", gamma=0.0).mean.item() == pytest.approx(plain.item(), rel=1e-6)
    found = attribute_loss(*pairs, kind="asymmetric", gamma=0.0, margin=0.0).mean
    assert found.item() == pytest.approx(plain.item(), rel=1e-6)
