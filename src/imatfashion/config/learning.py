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
    """A sentence for each two options of losses, norms and random changes that contradict each other."""
    yield from _augment(config.augment)
    if config.gpu.sync_batchnorm and config.gpu.name == "cpu":
        yield "gpu.sync_batchnorm=true needs GPUs; on processors take model.freeze_norm=all"
    if config.gpu.sync_batchnorm and config.model.freeze_norm == "all":
        yield "gpu.sync_batchnorm=true and model.freeze_norm=all contradict each other: frozen norms share nothing"


def _augment(augment: AugmentConfig) -> Iterator[str]:
    low, high = augment.scale_min, augment.scale_max
    if (low is None) != (high is None):
        yield "augment.scale_min and augment.scale_max come together; give both"
    if low is not None and high is not None and low > high:
        yield f"augment.scale_min={low} and augment.scale_max={high} must rise"
