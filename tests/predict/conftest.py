"""Tiny checkpoints with random weights, and photos."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from imatfashion.config.schema import PredictConfig
from imatfashion.models.spec import ModelSpec, build_network

CLASSES = ModelSpec(
    stage="classes",
    backbone="test_resnet.r160_in1k",
    resolution=64,
    mean=(0.5, 0.5, 0.5),
    std=(0.25, 0.25, 0.25),
    class_ids=(0, 3, 10, 23),
    class_names=("shirt", "coat", "pocket", "shoe"),
    attribute_ids=(2, 5, 40),
    attribute_names=("striped", "dotted", "long"),
    layer_of_class=(0, 0, 1, 0),
    allowed_pairs=((0, 2), (0, 1, 2), (1,), ()),
    component_classes=(3,),
    decoder_width=32,
    embedding=16,
)
ATTRIBUTES = replace(CLASSES, stage="attributes", resolution=96, resize="pad")


def save_checkpoint(path: Path, spec: ModelSpec, seed: int = 0) -> Path:
    """A checkpoint as training writes it, its weights random but for the scale of the last layer."""
    torch.manual_seed(seed)
    network = build_network(spec)
    if spec.stage == "classes":
        # Untrained scores are nearly flat; larger ones give maps of several classes.
        head = [module for module in network.modules() if isinstance(module, torch.nn.Conv2d)][-1]
        torch.nn.init.normal_(head.weight, std=1.0)
    else:
        torch.nn.init.zeros_(network.classify.bias)
    return write_checkpoint(path, spec, network)


def write_checkpoint(path: Path, spec: ModelSpec, network: torch.nn.Module) -> Path:
    """The file of a network, its folder made."""
    state = {"network." + name: tensor for name, tensor in network.state_dict().items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save({"hyper_parameters": {"spec": spec.to_json()}, "state_dict": state}, path)
    return path


@pytest.fixture(autouse=True)
def one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK", "SLURM_STEP_ID", "SLURM_LOCALID"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session")
def save() -> Callable[..., Path]:
    """Writes a checkpoint: path, spec, seed."""
    return save_checkpoint


@pytest.fixture(scope="session")
def classes_ckpt(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_checkpoint(tmp_path_factory.mktemp("classes") / "best.ckpt", CLASSES)


@pytest.fixture(scope="session")
def attributes_ckpt(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_checkpoint(tmp_path_factory.mktemp("attributes") / "best.ckpt", ATTRIBUTES, seed=1)


@pytest.fixture(scope="session")
def others(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Further checkpoints of the same classes and attributes, each differing in one thing."""
    folder = tmp_path_factory.mktemp("others")
    specs = {
        "weights": CLASSES,
        "large": replace(CLASSES, resolution=96),
        "padded": replace(CLASSES, resize="pad"),
        "backbone": replace(CLASSES, backbone="resnet10t"),
        "one layer": replace(CLASSES, layer_of_class=(0, 0, 0, 0)),
        "other classes": replace(CLASSES, class_ids=(0, 3, 10, 24)),
        "attributes": replace(ATTRIBUTES, resolution=64, resize="squash"),
        "other attributes": replace(ATTRIBUTES, attribute_ids=(2, 5, 41)),
    }
    return {name: save_checkpoint(folder / f"{name}.ckpt", spec, seed=7) for name, spec in specs.items()}


def blocks(height: int, width: int, seed: int) -> np.ndarray:
    """A photo of coloured blocks, so that a random network sees different things in it."""
    colours = np.random.default_rng(seed).integers(0, 256, (4, 4, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(colours).resize((width, height), Image.Resampling.BICUBIC))


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Seven photos of different sizes, one below a folder, one broken; in the order of their names."""
    folder = tmp_path_factory.mktemp("photos")
    (folder / "sub").mkdir()
    sizes = {"a.jpg": (90, 60), "b.png": (64, 64), "c, d.jpg": (40, 120), "e.jpg": (300, 200), "sub/f.jpg": (80, 81)}
    for seed, (name, (height, width)) in enumerate(sizes.items()):
        Image.fromarray(blocks(height, width, seed)).save(folder / name)
    turned = Image.Exif()
    turned[0x0112] = 6
    Image.fromarray(blocks(50, 110, 9)).save(folder / "g.jpg", exif=turned)
    (folder / "d_broken.jpg").write_bytes((folder / "a.jpg").read_bytes()[:400])
    return folder


NAMES = ["a.jpg", "b.png", "c, d.jpg", "d_broken.jpg", "e.jpg", "g.jpg", "sub/f.jpg"]


@pytest.fixture
def config(classes_ckpt: Path, photos: Path, tmp_path: Path) -> Callable[..., PredictConfig]:
    """A config of these photos and the class checkpoint; the output lies in the test's own folder."""

    def make(output: str = "submission.csv", **changes: object) -> PredictConfig:
        values = {"classes_ckpt": str(classes_ckpt), "images": str(photos), "output": str(tmp_path / output)}
        plain = {"grid": 64, "batch_size": 3, "workers": 2, "device": "cpu", "progress": False}
        return PredictConfig(**(values | plain | changes))  # type: ignore[arg-type]

    return make
