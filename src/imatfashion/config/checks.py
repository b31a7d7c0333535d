"""Contradictions in a training config, each refused with one sentence before anything heavy is imported."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imatfashion.config.learning import LEARNING_CHOICES, learning_faults
from imatfashion.config.precisions import PRECISIONS
from imatfashion.errors import FashionError

if TYPE_CHECKING:
    from imatfashion.config.schema import Config

CHOICES: dict[str, tuple[object, ...]] = {
    "stage.name": ("classes", "attributes"),
    "stage.pooling": ("garment", "image"),
    "data.format": ("auto", "imaterialist2019", "imaterialist2020", "coco", "pngs", "submission", "prepared"),
    "data.on_bad": ("skip", "error"),
    "data.unlabelled_attributes": ("ignore", "negative"),
    "resize": ("squash", "pad"),
    "layers": (1, 2),
    "gpu.precision": (None, *PRECISIONS),
    "trainer.on_memory": ("stop", "shrink"),
    "trainer.on_nan": ("stop", "skip"),
    **LEARNING_CHOICES,
}
POSITIVE = (
    "batch_size",
    "max_steps",
    "checkpoint_minutes",
    "data.limit",
    "gpu.devices",
    "gpu.memory_gb",
    "gpu.nodes",
    "gpu.per_device_batch",
    "model.decoder_floor",
    "model.decoder_width",
    "model.embedding",
    "platform.max_files",
    "platform.max_hours",
    "platform.memory_gb",
    "platform.output_gb",
    "schedule.rate_factor",
)


def check_config(config: Config, *, several: bool = False) -> None:
    """Refuse a config that cannot be trained.

    Args:
        config: the converted config.
        several: the config is a job of a multirun.

    Raises:
        FashionError: the first contradiction found.
    """
    for key, choices in CHOICES.items():
        value = _get(config, key)
        if value not in choices:
            shown = ", ".join("null" if choice is None else str(choice) for choice in choices)
            raise FashionError(f"{key}={value} is not a choice; take one of {shown}")
    for key in POSITIVE:
        value = _get(config, key)
        if value is not None and value <= 0:
            raise FashionError(f"{key}={value} must be above 0")
    for sentence in _contradictions(config, several):
        raise FashionError(sentence)


def _get(config: Config, key: str) -> Any:
    value: Any = config
    for name in key.split("."):
        value = getattr(value, name)
    return value


def _contradictions(config: Config, several: bool) -> Iterator[str]:
    data = config.data
    if not 32 <= config.resolution <= 4096:
        yield f"resolution={config.resolution} must be 32 … 4096 pixels"
    if not 0 < data.val_fraction < 1:
        yield f"data.val_fraction={data.val_fraction} must lie between 0 and 1"
    if data.folds == 1 or data.folds < 0:
        yield f"data.folds={data.folds} must be 0 (a single split) or at least 2"
    if data.folds and not 0 <= data.fold < data.folds:
        yield f"data.fold={data.fold} must be 0 … {data.folds - 1}, since data.folds={data.folds}"
    if data.fold and not data.folds:
        yield f"data.fold={data.fold} needs data.folds=K"
    if data.split_file and data.folds:
        yield "data.split_file and data.folds contradict each other; give one of them"
    if config.resume and config.init_from:
        yield "resume and init_from contradict each other: resume goes on with a run, init_from starts a new one"
    if config.stage.name == "classes" and data.classes_from != "truth":
        yield "data.classes_from is for stage=attributes: the class segmenter is trained on the truth"
    if data.classes_from != "truth" and not (Path(data.classes_from) / "meta.json").is_file():
        yield (
            f"data.classes_from={data.classes_from} is not a prediction table; "
            "make one with predict.py output=DIR.table"
        )
    if config.init_from and not Path(config.init_from).is_file():
        yield f"init_from={config.init_from} is not a file; a run's checkpoints are RUN_DIR/checkpoints/best.ckpt"
    yield from _trials(config)
    yield from _schedule(config)
    yield from learning_faults(config)
    yield from _processes(config, several)
    if not Path(data.root).exists():
        yield f"data.root={data.root} is not there; give the folder of the data set"


def _trials(config: Config) -> Iterator[str]:
    wanted = [name for name, on in (("check", config.check), ("trainer.lr_find", config.trainer.lr_find)) if on]
    if len(wanted) > 1:
        yield "check=true and trainer.lr_find=true contradict each other: do one after the other"
    for name in wanted:
        if config.resume:
            yield f"{name}=true trains nothing, so there is nothing to resume: give the new run's own overrides"
        if config.gpu.devices * config.gpu.nodes > 1:
            yield f"{name}=true works on one device: leave gpu.devices=1 and gpu.nodes=1"


def _schedule(config: Config) -> Iterator[str]:
    if not config.schedule.phases:
        yield "schedule.phases is empty; give at least one phase"
    for index, phase in enumerate(config.schedule.phases):
        if phase.epochs <= 0 or phase.max_rate <= 0:
            yield f"schedule.phases[{index}] needs epochs and max_rate above 0"
    if not 0 <= config.schedule.warmup < 1:
        yield f"schedule.warmup={config.schedule.warmup} must lie in [0, 1)"
    if min(config.schedule.start_div, config.schedule.final_div) < 1:
        yield "schedule.start_div and schedule.final_div must be at least 1"


def _processes(config: Config, several: bool) -> Iterator[str]:
    devices, batch = config.gpu.devices * config.gpu.nodes, config.gpu.per_device_batch
    if several and devices > 1:
        yield (
            "several devices do not work in a multirun, where each process would start the sweep again; "
            "run the jobs one by one with torchrun, or sweep on one device each"
        )
    if devices > 1 and config.trainer.on_memory == "shrink":
        yield (
            f"trainer.on_memory=shrink works on one device, not on {devices}: the others would wait for the one whose "
            "memory ran out; leave it out and resume with the gpu.per_device_batch that the run's last sentence names"
        )
    if config.batch_size % devices:
        yield f"batch_size={config.batch_size} must be a multiple of the {devices} devices"
    elif batch and (config.batch_size // devices) % batch:
        yield (
            f"batch_size={config.batch_size} over {devices} device(s) is not a multiple of "
            f"gpu.per_device_batch={batch}: accumulation needs whole steps"
        )
