"""Networks that build but cannot train as asked are refused before anything is written."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from torch import Tensor, nn

from imatfashion.config.schema import Config, GpuConfig, ModelConfig, TrainerConfig
from imatfashion.data.collate import Batch
from imatfashion.errors import FashionError
from imatfashion.models.checkpoint_file import read_checkpoint
from imatfashion.models.spec import ModelSpec, build_network
from imatfashion.tasks.attributes import AttributeClassifier
from imatfashion.tasks.base import FashionTask
from imatfashion.tasks.classes import ClassSegmenter
from imatfashion.training import trainer
from imatfashion.training.best import BestCheckpoint
from imatfashion.training.device import device_settings
from imatfashion.training.fit import fit
from imatfashion.training.network_trial import check_network, unused_parameters
from imatfashion.training.prepare import prepare
from imatfashion.training.progress import Throughput
from imatfashion.training.signals import StopSignals

SWIN = "swin_tiny_patch4_window7_224"


def _model(architecture: str = "unet", backbone: str = "test_resnet", **fields: Any) -> ModelConfig:
    return ModelConfig(
        architecture=architecture, backbone=backbone, weights="none", decoder_width=32, embedding=16, **fields
    )


def _refused(config: Config, *parts: str) -> None:
    with pytest.raises(FashionError) as raised:
        fit(config)
    sentence = str(raised.value)
    assert "\n" not in sentence
    for part in parts:
        assert part in sentence
    assert not Path(str(config.run_dir)).exists()


@pytest.mark.parametrize("architecture", ["deeplabv3", "deeplabv3plus", "upernet", "pan"])
def test_norms_over_one_value_are_refused(tiny: Callable[..., Config], architecture: str) -> None:
    config = tiny(model=_model(architecture), gpu=GpuConfig("cpu", per_device_batch=1), resolution=160)
    _refused(
        config,
        f"model.architecture={architecture} over model.backbone=test_resnet cannot be trained with one photo a step",
        "resolution=160 (gpu.per_device_batch=1; Expected more than 1 value per channel",
        "give gpu.per_device_batch=2 with a batch_size that is a multiple of 2 (here it is 4)",
        "or model.freeze_norm=all",
    )


def test_a_batch_whose_only_divisor_is_one_is_refused(tiny: Callable[..., Config]) -> None:
    _refused(tiny(model=_model("deeplabv3"), batch_size=17, resolution=96), "(here it is 17)")


@pytest.mark.parametrize("wayout", ["two photos", "frozen norms"])
def test_what_the_sentence_advises_trains(tiny: Callable[..., Config], wayout: str) -> None:
    frozen = wayout == "frozen norms"
    result = fit(
        tiny(
            model=_model("deeplabv3", freeze_norm="all" if frozen else "none"),
            gpu=GpuConfig("cpu", per_device_batch=1 if frozen else 2),
            max_steps=1,
        )
    )
    assert result.best_checkpoint.is_file()


class HoldsOne(ClassSegmenter):
    """A segmenter whose device holds one photo from the second step on."""

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        if self.global_step > 0 and len(batch["image"]) > 1:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        return super().training_step(batch, batch_idx)


def test_shrinking_to_what_cannot_be_trained_ends_in_the_sentence(tiny: Callable[..., Config]) -> None:
    config = tiny(model=_model("deeplabv3"), trainer=TrainerConfig(on_memory="shrink"))
    with pytest.raises(FashionError, match="cannot be trained with one photo a step"):
        fit(config, task=HoldsOne)
    last = Path(str(config.run_dir)) / "checkpoints/last.ckpt"
    assert read_checkpoint(last)["global_step"] == 1


@pytest.mark.parametrize("stage", ["classes", "attributes"])
def test_a_backbone_of_one_resolution_is_refused_at_others(tiny: Callable[..., Config], stage: str) -> None:
    name = "model.architecture=fpn" if stage == "classes" else "stage=attributes"
    config = tiny(stage, model=_model("fpn", SWIN))
    _refused(config, f"{name} over model.backbone={SWIN} cannot be trained at resolution=64 (", "another resolution")
    prepare(replace(config, resolution=224))


@pytest.mark.parametrize("resolution", [64, 96])
def test_an_architecture_is_refused_below_its_size(tiny: Callable[..., Config], resolution: int) -> None:
    config = tiny(model=_model("pan"), resolution=resolution)
    _refused(
        config, f"cannot be trained at resolution={resolution} (", "Output size is too small", "another resolution"
    )


@pytest.mark.parametrize("compiled", [False, True])
def test_a_trial_leaves_no_trace(tiny: Callable[..., Config], compiled: bool) -> None:
    run = prepare(tiny(gpu=GpuConfig("cpu", compile=compiled)))
    network, state = run.task.network, torch.get_rng_state()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    check_network(network, run.config, run.settings)
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert all(value.grad is None and value.device.type == "cpu" for value in network.parameters())


@pytest.mark.parametrize("pooling", ["garment", "image"])
def test_the_parts_of_the_attribute_network_are_its_whole(tiny: Callable[..., Config], pooling: str) -> None:
    config = tiny("attributes")
    config.stage.pooling = pooling
    run = prepare(config)
    assert unused_parameters(run.task.network, config, run.settings) == []


class Reading(nn.Module):
    """A network of one's own that asks for numbers."""

    def __init__(self, spec: ModelSpec) -> None:
        super().__init__()
        self.inner = build_network(spec)
        self.left_out = nn.Linear(1, 1)
        self.reads = True

    def forward(self, *inputs: Tensor) -> Tensor:
        if self.reads and float(inputs[0].mean()) > 1e9:
            raise AssertionError("never")
        logits: Tensor = self.inner.forward(*inputs)
        return logits


@pytest.mark.parametrize(("stage", "task"), [("classes", ClassSegmenter), ("attributes", AttributeClassifier)])
def test_a_network_of_ones_own_is_not_refused(
    tiny: Callable[..., Config], stage: str, task: Callable[..., FashionTask]
) -> None:
    def own(spec: str, **options: Any) -> FashionTask:
        return task(spec, network=Reading(ModelSpec.from_json(spec)), **options)

    run = prepare(tiny(stage), own)
    assert unused_parameters(run.task.network, run.config, run.settings) == []
    run.task.network.reads = False
    # The attribute network reads the number of garments, inside one of your own as well.
    expected = ["left_out.weight", "left_out.bias"] if stage == "classes" else []
    assert unused_parameters(run.task.network, run.config, run.settings) == expected


def test_norms_that_processes_share_need_one_photo_each(tiny: Callable[..., Config]) -> None:
    config = tiny(model=_model("deeplabv3"), gpu=GpuConfig("cpu", devices=2, per_device_batch=1), run_dir="run")
    settings = device_settings(config)
    spec = prepare(tiny(model=_model("deeplabv3"))).task.spec.to_json()
    task = ClassSegmenter(spec, sync_batchnorm=True)
    check_network(task.network, config, settings)
    with pytest.raises(FashionError, match="a multiple of 4"):
        check_network(ClassSegmenter(spec).network, config, settings)
    with pytest.raises(FashionError, match="a multiple of 2"):
        check_network(task.network, config, replace(settings, devices=1))


def _strategy(run: trainer.Run, monkeypatch: pytest.MonkeyPatch) -> str:
    class Asked(Exception):
        pass

    def ask(**options: Any) -> None:
        raise Asked(options["strategy"])

    monkeypatch.setattr(pl, "Trainer", ask)
    best = BestCheckpoint(run.run_dir, run.task.monitor, run.task.mode)
    with pytest.raises(Asked) as asked:
        trainer.make_trainer(run, best, Throughput(run.settings.micro_batch), StopSignals(run.run_dir))
    return str(asked.value)


@pytest.mark.parametrize(
    ("stage", "backbone", "wanted"),
    [
        ("classes", "test_resnet", "auto"),
        ("attributes", "test_resnet", "auto"),
        ("attributes", "hrnet_w18_small", "ddp_find_unused_parameters_true"),
    ],
)
def test_processes_look_for_unused_parameters_where_there_are_any(
    tiny: Callable[..., Config], monkeypatch: pytest.MonkeyPatch, stage: str, backbone: str, wanted: str
) -> None:
    run = prepare(tiny(stage, model=_model(backbone=backbone)))
    unused = unused_parameters(run.task.network, run.config, run.settings)
    assert bool(unused) == (wanted != "auto")
    assert _strategy(run, monkeypatch) == "auto"
    assert _strategy(replace(run, settings=replace(run.settings, devices=2)), monkeypatch) == wanted


def test_two_processes_train_with_unused_parameters(repository: Path, drawn: Path, tmp_path: Path) -> None:
    command = [sys.executable, str(repository / "train.py"), f"data.root={drawn}", f"run_dir={tmp_path / 'run'}"]
    command += ["model=tiny", "model.architecture=pspnet", "model.backbone=mobilenetv3_small_050", "resolution=64"]
    command += ["batch_size=4", "max_steps=2", "gpu=cpu", "gpu.devices=2", "logger=csv", "data.workers=0"]
    done = subprocess.run(
        [*command, "progress=false"],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    with (tmp_path / "run/metrics.csv").open(newline="", encoding="utf-8") as file:
        assert [row["step"] for row in csv.DictReader(file) if row["train/loss"]] == ["0", "1"]
