"""Whole runs with the options of losses, norms and random changes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from imatfashion.config.schema import Config
from imatfashion.models.checkpoint import load_checkpoint
from imatfashion.training.fit import fit

Make = Callable[..., Config]


def test_a_run_with_every_option_of_stage_1(tiny: Make) -> None:
    config = tiny(layers=2, max_steps=4)
    config.stage.region_loss, config.stage.focal_gamma = "lovasz", 1.0
    config.stage.label_smoothing, config.stage.class_balance, config.stage.loss_stride = 0.05, 0.5, 2
    config.model.freeze_norm, config.schedule.ema_decay = "encoder", 0.9
    config.augment.copy_paste, config.augment.scale_min, config.augment.scale_max = 0.5, 0.5, 2.0
    result = fit(config)
    header = (result.run_dir / "metrics.csv").read_text().splitlines()[0]
    assert "train/lovasz" in header
    assert "train/dice" not in header
    assert result.score is not None


@pytest.mark.parametrize("loss", ["focal", "asymmetric"])
def test_a_run_with_another_attribute_loss(tiny: Make, loss: str) -> None:
    config = tiny("attributes", max_steps=2)
    config.stage.attribute_loss = loss
    assert fit(config).run_dir.is_dir()


def test_an_attribute_batch_gives_the_same_step_however_it_is_divided(tiny: Make, tmp_path: Path) -> None:
    def weights(micro: int) -> dict[str, torch.Tensor]:
        config = tiny("attributes", max_steps=3, run_dir=str(tmp_path / str(micro)))
        config.model.freeze_norm, config.model.dropout, config.gpu.per_device_batch = "all", 0.0, micro
        config.schedule.warmup = 0
        return load_checkpoint(fit(config).run_dir / "checkpoints/last.ckpt")[1]

    whole, halves, ones = weights(4), weights(2), weights(1)
    for divided in (halves, ones):
        assert max(float((whole[name] - divided[name]).abs().max()) for name in whole) < 1e-5
