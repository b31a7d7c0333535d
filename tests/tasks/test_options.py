"""Options of the tasks: frozen and shared norms, weights of classes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from imatfashion.data.build import open_table
from imatfashion.data.class_shares import class_shares
from imatfashion.data.prepare import prepare
from imatfashion.masks.runs import decode_runs
from imatfashion.models.spec import ModelSpec
from imatfashion.tasks.classes import ClassSegmenter


def spec(backbone: str = "test_resnet") -> str:
    return ModelSpec(
        stage="classes",
        backbone=backbone,
        resolution=64,
        mean=(0.5, 0.5, 0.5),
        std=(0.5, 0.5, 0.5),
        class_ids=(0, 1),
        class_names=("coat", "shirt"),
        layer_of_class=(0, 0),
        allowed_pairs=((), ()),
        decoder_width=32,
    ).to_json()


def statistics(task: ClassSegmenter) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in task.network.state_dict().items() if "running" in name}


@pytest.mark.parametrize("backbone", ["test_resnet", "test_efficientnet"])
@pytest.mark.parametrize(
    ("which", "moving"), [("none", {"encoder", "decoder"}), ("encoder", {"decoder"}), ("all", set())]
)
def test_frozen_norms_keep_their_statistics(backbone: str, which: str, moving: set[str]) -> None:
    task = ClassSegmenter(spec(backbone), freeze_norm=which)
    # As Lightning does about a validation.
    task.eval()
    task.train()
    before = statistics(task)
    task(torch.randint(0, 255, (2, 3, 64, 64), dtype=torch.uint8)).sum().backward()
    moved = {name.split(".")[1] for name, value in statistics(task).items() if not torch.equal(value, before[name])}
    assert moved == moving
    # Their scales still learn.
    assert all(parameter.requires_grad for parameter in task.network.parameters())


def test_shared_norms_are_the_same_network() -> None:
    """timm's norms carry an activation, which torch's own conversion drops."""
    plain, shared = (ClassSegmenter(spec("test_efficientnet"), sync_batchnorm=on) for on in (False, True))
    assert any(isinstance(module, nn.SyncBatchNorm) for module in shared.network.modules())
    shared.network.load_state_dict(plain.network.state_dict())
    image = torch.randint(0, 255, (1, 3, 64, 64), dtype=torch.uint8)
    assert torch.equal(plain.eval()(image), shared.eval()(image))


@pytest.mark.parametrize("prepared", [False, True])
def test_shares_are_those_of_the_masks(drawn: Path, tmp_path: Path, prepared: bool) -> None:
    if prepared:
        prepare(drawn, tmp_path / "small", resolution=32, workers=1, progress=False)
    table = open_table(tmp_path / "small" if prepared else drawn)
    photos = np.array([3, 4, 11])
    wanted = np.zeros(len(table.classes))
    for photo in photos.tolist():
        for garment in table.garments(photo):
            mask = decode_runs(table.runs(garment), *table.size(photo))
            wanted[table.garment_class[garment]] += mask.mean() / len(photos)
    assert np.allclose(class_shares(table, photos), wanted)
    assert (wanted == 0).any()


@pytest.mark.parametrize("stride", [1, 2, 3])
def test_the_loss_is_of_every_nth_row_and_column(monkeypatch: pytest.MonkeyPatch, stride: int) -> None:
    torch.manual_seed(0)
    task = ClassSegmenter(spec(), region_loss="none", loss_stride=stride).eval()
    said: dict[str, float] = {}
    monkeypatch.setattr(task, "log_losses", lambda losses, split, photos: said.update({split: losses["loss"].item()}))
    image = torch.randint(0, 255, (2, 3, 64, 64), dtype=torch.uint8)
    labels = torch.randint(0, 3, (2, 1, 64, 64), dtype=torch.uint8)
    batch = {"image": image, "labels": labels}
    loss = task.training_step(batch, 0)
    task.validation_step(batch, 0)
    rows = torch.arange(0, 64, stride)
    with torch.no_grad():
        logits = task(image)[:, 0]
    seen, true = (part[..., rows, :][..., rows] for part in (logits, labels[:, 0].long()))
    assert loss.item() == pytest.approx(F.cross_entropy(seen, true).item(), rel=1e-5)
    assert said["train"] == loss.item()
    assert said["val"] == pytest.approx(F.cross_entropy(logits, labels[:, 0].long()).item(), rel=1e-5)
