"""The range of every number of a training config."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from imatfashion.config.schema import Config

# What is said, what must hold, and of which keys; `null` is always taken. The other numbers are in checks.py: `layers`
# is a choice, data.fold depends on data.folds, and a schedule has as many phases as it likes.
_RANGES: tuple[tuple[str, Callable[[float], bool], str], ...] = (
    (
        "must be above 0",
        lambda value: value > 0,
        "batch_size max_steps checkpoint_minutes data.limit gpu.devices gpu.memory_gb gpu.nodes gpu.per_device_batch "
        "platform.max_files platform.max_hours platform.memory_gb platform.output_gb schedule.rate_factor "
        "augment.paste_most",
    ),
    (
        "must not be below 0",
        lambda value: value >= 0,
        "schedule.encoder_ratio schedule.weight_decay schedule.clip stage.dice_weight stage.focal_gamma "
        "stage.attribute_gamma",
    ),
    ("must be at least 1", lambda value: value >= 1, "schedule.start_div schedule.final_div"),
    ("must lie between 1 and 32", lambda value: 1 <= value <= 32, "stage.loss_stride"),
    ("must be at least 0, or -1 to derive it", lambda value: value >= -1, "data.workers"),
    (
        "must lie in [0, 1)",
        lambda value: 0 <= value < 1,
        "stage.label_smoothing stage.attribute_margin schedule.ema_decay schedule.warmup model.dropout",
    ),
    (
        "must lie between 0 and 1",
        lambda value: 0 <= value <= 1,
        "data.repeat_rare stage.class_balance augment.copy_paste augment.grey augment.blur augment.saturation "
        "augment.brightness augment.contrast augment.shift augment.probability",
    ),
    ("must lie between 0 and 1", lambda value: 0 < value < 1, "data.val_fraction"),
    ("must lie between 0 and 0.5", lambda value: 0 <= value <= 0.5, "augment.hue"),
    # The crop is divided by 1 - scale; with scale_min, too, it is at most ten times the photo.
    ("must lie between 0 and 0.9", lambda value: 0 <= value <= 0.9, "augment.scale"),
    ("must lie between 0.1 and 10", lambda value: 0.1 <= value <= 10, "augment.scale_min augment.scale_max"),
    ("must lie between 0 and 180", lambda value: 0 <= value <= 180, "augment.rotate"),
    # A JPEG has at most 65500 rows, a photo of the panel some 330 and a caption.
    ("must lie between 0 and 100", lambda value: 0 <= value <= 100, "logger.panels"),
    # As `check_spec` of imatfashion.models has it for what a checkpoint says.
    (
        "must lie between 1 and 4096",
        lambda value: 1 <= value <= 4096,
        "model.decoder_width model.decoder_floor model.embedding",
    ),
    ("must lie between 0.25 and 4", lambda value: 0.25 <= value <= 4, "aspect"),
    ("must be 32 … 4096 pixels", lambda value: 32 <= value <= 4096, "resolution"),
    # numpy's: Lightning seeds it.
    ("must lie between 0 and 4294967295", lambda value: 0 <= value < 2**32, "seed"),
)


def range_faults(config: Config) -> Iterator[str]:
    """A sentence for each number out of its range."""
    for words, holds, keys in _RANGES:
        for key in keys.split():
            value = value_of(config, key)
            if value is not None and not math.isfinite(value):
                yield f"{key}={value} is not a finite number"
            elif value is not None and not holds(value):
                yield f"{key}={value} {words}"


def value_of(config: Config, key: str) -> Any:
    """The value of a key such as `schedule.clip`."""
    value: Any = config
    for name in key.split("."):
        value = getattr(value, name)
    return value
