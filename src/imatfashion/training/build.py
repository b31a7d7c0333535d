"""From a config to the parts of a run: data module, network spec, task."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from imatfashion.config.schema import Config, StageConfig
from imatfashion.data.class_shares import typical_shares
from imatfashion.data.datamodule import FashionDataModule
from imatfashion.data.overlaps import host_classes
from imatfashion.data.plain_text import brief
from imatfashion.errors import FashionError
from imatfashion.models.checkpoint import load_checkpoint, load_state
from imatfashion.models.spec import ModelSpec
from imatfashion.models.weights import normalization
from imatfashion.tasks.attributes import AttributeClassifier
from imatfashion.tasks.base import FashionTask
from imatfashion.tasks.classes import ClassSegmenter
from imatfashion.training.device import DeviceSettings
from imatfashion.training.network_trial import check_network
from imatfashion.training.place import last_checkpoint

TaskClass = Callable[..., FashionTask]
"""A task's class, or what is called like one: `(spec, **options)`."""
STAGES: dict[str, TaskClass] = {"classes": ClassSegmenter, "attributes": AttributeClassifier}

# What makes weights those of this network: others would not fit, or would fit and mean something else.
_DECIDING = {
    "classes": ("architecture", "backbone", "decoder_width", "decoder_floor", "class_ids", "layer_of_class"),
    "attributes": ("backbone", "pooling", "class_given", "embedding", "class_ids", "attribute_ids"),
}
# Private memory of a loader process, GB: an upper estimate, with the copies in flight.
_WORKER_GB = 1.0


def make_data(config: Config, settings: DeviceSettings) -> FashionDataModule:
    """The data module of a run; `setup()` is still to be called.

    A run that goes on keeps the split that it began with, whatever photos have come since.
    """
    split = Path(str(config.resume)) / "split.json"
    own = replace(config.data, split_file=str(split)) if config.resume and split.is_file() else config.data
    memory = config.platform.memory_gb
    return FashionDataModule(
        own,
        augment=config.augment,
        resolution=config.resolution,
        resize=config.resize,
        crop=config.crop,
        aspect=config.aspect,
        layers=config.layers,
        batch_size=config.batch_size,
        micro_batch=settings.micro_batch,
        seed=config.seed,
        max_workers=None if memory is None else max(1, int(memory / 4 / settings.devices / _WORKER_GB)),
        fork=config.platform.fork,
    )


def make_spec(config: Config, data: FashionDataModule) -> ModelSpec:
    """What the network is and everything that a prediction needs to know of the training data."""
    table = data.truth
    attributes = table.attributes if config.stage.name == "attributes" else None
    if attributes is not None and not len(attributes):
        raise FashionError(
            f"{config.data.root} has no attributes: its label file lists none; train stage=classes alone"
        )
    mean, std = normalization(config.model.backbone)
    return ModelSpec(
        stage=config.stage.name,
        architecture=config.model.architecture,
        backbone=config.model.backbone,
        resolution=config.resolution,
        resize=config.resize,
        crop=config.crop,
        aspect=config.aspect,
        mean=mean,
        std=std,
        class_ids=table.classes.ids,
        class_names=table.classes.names,
        attribute_ids=attributes.ids if attributes else (),
        attribute_names=attributes.names if attributes else (),
        layer_of_class=data.layer_of_class,
        allowed_pairs=_pairs(config, data) if attributes else tuple(() for _ in table.classes.ids),
        component_classes=table.multiple_classes(data.split.train),
        lies_on=host_classes(table, data.split.train),
        typical_shares=typical_shares(table, data.split.train),
        pooling=config.stage.pooling,
        class_given=config.stage.class_given,
        decoder_width=config.model.decoder_width,
        decoder_floor=config.model.decoder_floor,
        embedding=config.model.embedding,
        dropout=config.model.dropout,
    )


def spec_of_resumed(spec: ModelSpec, checkpoint: Path) -> ModelSpec:
    """The description of a run that goes on: which attributes a class may have stays as the network has learnt it.

    Args:
        spec: what `make_spec` gives now, of data to which photos may have come since.
        checkpoint: what the run goes on from.

    Raises:
        FashionError: the data's classes, attributes or label maps are others than when the run began.
    """
    before = load_checkpoint(checkpoint)[0]
    for name in _DECIDING[spec.stage]:
        now, then = getattr(spec, name), getattr(before, name)
        if now != then:
            raise FashionError(
                f"the run began with {name} {brief(then, 60)}, and the data has {brief(now, 60)} now: bring the data "
                f"back to go on, or begin a new run (init_from={checkpoint} where the classes are the same)"
            )
    return replace(spec, allowed_pairs=before.allowed_pairs)


def _pairs(config: Config, data: FashionDataModule) -> tuple[tuple[int, ...], ...]:
    """Attribute indices that each class may have: those of the training photos, or all."""
    num_attributes = len(data.truth.attributes)
    if config.stage.all_pairs:
        return tuple(tuple(range(num_attributes)) for _ in data.truth.classes.ids)
    return tuple(tuple(row.nonzero()[0].tolist()) for row in data.truth.allowed_pairs(data.split.train))


def make_task(config: Config, spec: ModelSpec, settings: DeviceSettings, own: TaskClass | None = None) -> FashionTask:
    """The LightningModule of the run's stage, with its first weights.

    Args:
        config: the run's config.
        spec: what the network is.
        settings: how the run uses its device.
        own: a class to make instead of the stage's; it takes the same arguments.

    Raises:
        FashionError: the weights cannot be had, those of `init_from` do not fit, norms cannot be shared here, or
            the network cannot train at this resolution and per-device batch.
    """
    if config.gpu.sync_batchnorm and settings.accelerator == "cpu":
        raise FashionError("gpu.sync_batchnorm=true needs GPUs; on processors take model.freeze_norm=all")
    options: dict[str, Any] = {
        "schedule": config.schedule,
        # The weights of another run replace the backbone's: nothing needs to be downloaded.
        "weights": "none" if config.init_from or _has_checkpoint(config) else _weights(config),
        "seed": config.seed,
        "channels_last": settings.channels_last,
        "compile_network": settings.compile,
        "freeze_norm": config.model.freeze_norm,
        "sync_batchnorm": config.gpu.sync_batchnorm,
        **_loss_options(config.stage),
    }
    task = (own or STAGES[spec.stage])(spec.to_json(), **options)
    check_network(task.network, config, settings)
    # A run that goes on has weights of its own, and the other run's may be gone.
    if config.init_from and not _has_checkpoint(config):
        start_from(task, Path(config.init_from))
    return task


def _loss_options(stage: StageConfig) -> dict[str, Any]:
    if stage.name == "attributes":
        return {"loss": stage.attribute_loss, "gamma": stage.attribute_gamma, "margin": stage.attribute_margin}
    names = ("dice_weight", "region_loss", "focal_gamma", "label_smoothing", "class_balance", "loss_stride")
    return {name: getattr(stage, name) for name in names}


def _has_checkpoint(config: Config) -> bool:
    """Whether a resumed run has weights of its own; one that was stopped before its first step starts anew."""
    return bool(config.resume) and last_checkpoint(config, Path(str(config.resume))) is not None


def _weights(config: Config) -> str:
    if config.platform.offline and config.model.weights == "imagenet":
        raise FashionError(
            f"platform={config.platform.name} has no network, so ImageNet weights cannot be fetched: "
            "give model.weights=FILE.safetensors, or model.weights=none to start from random ones"
        )
    return config.model.weights


def start_from(task: FashionTask, checkpoint: Path) -> None:
    """Copy the weights of another run's checkpoint into the task.

    Raises:
        FashionError: the checkpoint is not ours, or of other classes or another network.
    """
    spec, state = load_checkpoint(checkpoint)
    if spec.stage != task.spec.stage:
        raise FashionError(
            f"init_from={checkpoint} is a checkpoint of stage={spec.stage}, this run is stage={task.spec.stage}"
        )
    for name in _DECIDING[spec.stage]:
        mine, theirs = getattr(task.spec, name), getattr(spec, name)
        if mine != theirs:
            raise FashionError(
                f"init_from={checkpoint} has {name} {brief(theirs, 60)}, this run {brief(mine, 60)}: "
                "they must be equal to start from its weights"
            )
    load_state(task.network, state, checkpoint)
