"""What is refused in the options of losses, averaging, norms and random changes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from imatfashion.config.schema import AugmentConfig, Config

LEARNING_CHOICES: dict[str, tuple[object, ...]] = {
    "stage.region_loss": ("dice", "lovasz", "none"),
    "stage.attribute_loss": ("bce", "focal", "asymmetric"),
    "model.freeze_norm": ("none", "encoder", "all"),
}


def learning_faults(config: Config) -> Iterator[str]:
    """A sentence for each option out of its range, and for those that contradict each other."""
    stage, augment = config.stage, config.augment
    for key, value in (
        ("stage.label_smoothing", stage.label_smoothing),
        ("stage.attribute_margin", stage.attribute_margin),
        ("schedule.ema_decay", config.schedule.ema_decay),
    ):
        if not 0 <= value < 1:
            yield f"{key}={value} must lie in [0, 1)"
    for key, value in (
        ("data.repeat_rare", config.data.repeat_rare),
        ("stage.class_balance", stage.class_balance),
        ("augment.copy_paste", augment.copy_paste),
        ("augment.grey", augment.grey),
        ("augment.blur", augment.blur),
        ("augment.saturation", augment.saturation),
    ):
        if not 0 <= value <= 1:
            yield f"{key}={value} must lie between 0 and 1"
    for key, gamma in (("stage.focal_gamma", stage.focal_gamma), ("stage.attribute_gamma", stage.attribute_gamma)):
        if gamma is not None and gamma < 0:
            yield f"{key}={gamma} must not be below 0"
    yield from _augment(augment)
    if config.gpu.sync_batchnorm and config.gpu.name == "cpu":
        yield "gpu.sync_batchnorm=true needs GPUs; on processors take model.freeze_norm=all"
    if config.gpu.sync_batchnorm and config.model.freeze_norm == "all":
        yield "gpu.sync_batchnorm=true and model.freeze_norm=all contradict each other: frozen norms share nothing"


def _augment(augment: AugmentConfig) -> Iterator[str]:
    low, high = augment.scale_min, augment.scale_max
    if (low is None) != (high is None):
        yield "augment.scale_min and augment.scale_max come together; give both"
    if low is not None and high is not None and not 0.1 <= low <= high <= 10:
        yield f"augment.scale_min={low} and augment.scale_max={high} must rise and lie between 0.1 and 10"
    if not 0 <= augment.hue <= 0.5:
        yield f"augment.hue={augment.hue} must lie between 0 and 0.5"
    if augment.paste_most < 1:
        yield f"augment.paste_most={augment.paste_most} must be above 0"
