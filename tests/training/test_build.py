"""The network's spec: what it takes from the data, and from which part of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import timm
import torch
from safetensors.torch import save_file

from imatfashion.config.schema import Config
from imatfashion.models.checkpoint import load_checkpoint
from imatfashion.tasks.base import FashionTask
from imatfashion.training.build import make_data, make_spec
from imatfashion.training.device import device_settings
from imatfashion.training.fit import fit
from imatfashion.training.prepare import prepare
from imatfashion.training.progress import Throughput


def test_pairs_and_components_are_those_of_the_training_photos(tiny: Callable[..., Config]):
    config = tiny("attributes")
    data = make_data(config, device_settings(config))
    data.setup()
    table = data.truth
    spec = make_spec(config, data)

    pairs: set[tuple[int, int]] = set()
    everywhere: set[tuple[int, int]] = set()
    counts = np.zeros((len(table), len(table.classes)), dtype=np.int64)
    for garment in range(len(table.garment_class)):
        photo, class_index = int(table.garment_photo[garment]), int(table.garment_class[garment])
        found = {(class_index, int(a)) for a in np.flatnonzero(table.garment_attributes[garment])}
        everywhere |= found
        if photo in data.train_indices:
            pairs |= found
            counts[photo, class_index] += 1
    assert pairs != everywhere, "the drawn validation photos have no pair of their own: nothing is tested"
    assert {(c, a) for c, row in enumerate(spec.allowed_pairs) for a in row} == pairs
    several, present = (counts > 1).sum(axis=0), (counts > 0).sum(axis=0)
    assert spec.component_classes == tuple(np.flatnonzero((several > 0) & (several >= 0.05 * present)).tolist())


def test_all_pairs_where_the_config_asks_for_them(tiny: Callable[..., Config]):
    config = tiny("attributes")
    config.stage.all_pairs = True
    data = make_data(config, device_settings(config))
    data.setup()
    assert all(len(row) == len(data.truth.attributes) for row in make_spec(config, data).allowed_pairs)


class Killed(BaseException):
    """Stands for a SIGKILL."""


def test_a_run_stopped_before_its_first_checkpoint_starts_from_its_own_weights(
    tiny: Callable[..., Config], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(5)
    file = tmp_path / "weights.safetensors"
    save_file(timm.create_model("test_resnet", pretrained=False).state_dict(), file)

    def config(name: str, **fields: Any) -> Config:
        made = tiny(run_dir=str(tmp_path / name), max_steps=1, **fields)
        made.model.weights = str(file)
        return made

    def kill(*rest: Any) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(Throughput, "on_train_batch_start", kill)
        with pytest.raises(Killed):
            fit(config("cut"))
    resumed = load_checkpoint(fit(config("cut", resume=str(tmp_path / "cut"))).best_checkpoint)[1]
    whole = load_checkpoint(fit(config("whole")).best_checkpoint)[1]
    assert all(torch.equal(resumed[name], whole[name]) for name in whole)


@pytest.mark.parametrize(("precision", "fused"), [("16-mixed", False), ("bf16-mixed", False), ("32-true", True)])
def test_gradients_can_be_clipped_at_every_precision(
    tiny: Callable[..., Config], monkeypatch: pytest.MonkeyPatch, precision: str, fused: bool
) -> None:
    task = prepare(tiny()).task
    monkeypatch.setattr(FashionTask, "device", torch.device("cuda"))
    # Lightning refuses to clip where a fused optimizer might unscale by itself; tests/tasks/test_fused.py asks it.
    task._trainer = SimpleNamespace(precision=precision)  # type: ignore[assignment]
    # None and not False: torch then takes all parameters at once on a GPU.
    assert task.configure_optimizers().defaults["fused"] is (fused or None)
