"""Options of losses, averaging, norms and random changes that are refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from imatfashion.config.checks import check_config
from imatfashion.config.schema import Config, DataConfig
from imatfashion.errors import FashionError


@pytest.mark.parametrize(
    ("key", "value", "sentence"),
    [
        ("stage.region_loss", "iou", "stage.region_loss=iou is not a choice; take one of dice, lovasz, none"),
        ("stage.attribute_loss", "mse", "take one of bce, focal, asymmetric"),
        ("model.freeze_norm", "decoder", "take one of none, encoder, all"),
        ("stage.label_smoothing", 1.0, "must lie in [0, 1)"),
        ("stage.attribute_margin", -0.1, "must lie in [0, 1)"),
        ("schedule.ema_decay", 1.0, "must lie in [0, 1)"),
        ("stage.class_balance", 2.0, "must lie between 0 and 1"),
        ("augment.copy_paste", 1.5, "must lie between 0 and 1"),
        ("data.repeat_rare", 1.5, "must lie between 0 and 1"),
        ("stage.loss_stride", 0, "must lie between 1 and 32"),
        ("stage.focal_gamma", -1.0, "must not be below 0"),
        ("stage.attribute_gamma", -1.0, "must not be below 0"),
        ("augment.hue", 0.6, "must lie between 0 and 0.5"),
        ("augment.paste_most", 0, "must be above 0"),
        ("augment.scale_min", 0.5, "come together; give both"),
        ("gpu.sync_batchnorm", True, "needs GPUs"),
    ],
)
def test_refused(tmp_path: Path, key: str, value: object, sentence: str) -> None:
    config = Config(data=DataConfig(root=str(tmp_path)))
    config.gpu.name = "cpu"
    check_config(config)
    group, name = key.split(".")
    setattr(getattr(config, group), name, value)
    with pytest.raises(FashionError) as refused:
        check_config(config)
    assert key in str(refused.value)
    assert sentence in str(refused.value)


def test_scales_must_rise(tmp_path: Path) -> None:
    config = Config(data=DataConfig(root=str(tmp_path)))
    config.augment.scale_min, config.augment.scale_max = 2.0, 0.5
    with pytest.raises(FashionError, match="must rise"):
        check_config(config)
