"""Whole runs with the options of losses, norms and random changes."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from imatfashion.config.schema import Config
from imatfashion.training.fit import fit

Make = Callable[..., Config]


def test_a_run_with_every_option_of_stage_1(tiny: Make) -> None:
    config = tiny(layers=2, max_steps=4)
    config.stage.region_loss, config.stage.focal_gamma = "lovasz", 1.0
    config.stage.label_smoothing, config.stage.class_balance = 0.05, 0.5
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
