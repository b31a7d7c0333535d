"""Contradictions in a training config, each refused with one sentence before anything heavy is imported."""

from __future__ import annotations

from collections.abc import Iterator
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING

from imatfashion.config.learning import LEARNING_CHOICES, learning_faults
from imatfashion.config.precisions import PRECISIONS
from imatfashion.config.ranges import range_faults, value_of
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
    "crop": ("photo", "garments"),
    "layers": (1, 2),
    "gpu.precision": (None, *PRECISIONS),
    "trainer.on_memory": ("stop", "shrink"),
    "trainer.on_nan": ("stop", "skip"),
    **LEARNING_CHOICES,
}


def check_config(config: Config, *, several: bool = False) -> None:
    """Refuse a config that cannot be trained.

    Args:
        config: the converted config.
        several: the config is a job of a multirun.

    Raises:
        FashionError: the first contradiction found.
    """
    for key, choices in CHOICES.items():
        value = value_of(config, key)
        if value not in choices:
            shown = ", ".join("null" if choice is None else str(choice) for choice in choices)
            raise FashionError(f"{key}={value} is not a choice; take one of {shown}")
    for sentence in (*range_faults(config), *_contradictions(config, several)):
        raise FashionError(sentence)


def _contradictions(config: Config, several: bool) -> Iterator[str]:
    data = config.data
    if data.folds == 1 or data.folds < 0:
        yield f"data.folds={data.folds} must be 0 (a single split) or at least 2"
    if data.folds and not 0 <= data.fold < data.folds:
        yield f"data.fold={data.fold} must be 0 … {data.folds - 1}, since data.folds={data.folds}"
    if data.fold and not data.folds:
        yield f"data.fold={data.fold} needs data.folds=K"
    if data.split_file and data.folds:
        yield "data.split_file and data.folds contradict each other; give one of them"
    if config.aspect != 1 and config.resize != "squash":
        yield f"aspect={config.aspect} is for resize=squash; with resize={config.resize} the network sees a square"
    if config.stage.name == "classes" and data.classes_from != "truth":
        yield "data.classes_from is for stage=attributes: the class segmenter is trained on the truth"
    yield from _trials(config)
    yield from _schedule(config)
    yield from learning_faults(config)
    yield from _processes(config, several)
    yield from _absent(config)


def _absent(config: Config) -> Iterator[str]:
    """What the run reads and is not there."""
    data = config.data
    # With resume neither the table nor the data set can be given anew.
    lost = (
        f"is not there, and the run {config.resume} was trained on it: bring it back, or give the command in the "
        "folder where the run was started"
    )
    if data.classes_from != "truth" and not (Path(data.classes_from) / "meta.json").is_file():
        new = "is not a prediction table; make one with predict.py output=DIR.table"
        yield f"data.classes_from={data.classes_from} {lost if config.resume else new}"
    # A run that goes on has weights of its own: the checkpoint that it once started from may be gone.
    if config.init_from and not config.resume and not Path(config.init_from).is_file():
        yield f"init_from={config.init_from} is not a file; a run's checkpoints are RUN_DIR/checkpoints/best.ckpt"
    if not Path(data.root).exists():
        yield f"data.root={data.root} {lost if config.resume else 'is not there; give the folder of the data set'}"


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
        if not (0 < phase.epochs < inf and 0 < phase.max_rate < inf):
            yield f"schedule.phases[{index}] needs epochs and max_rate above 0"


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
