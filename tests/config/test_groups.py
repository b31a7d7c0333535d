"""Every YAML file that is shipped composes, fits the schema and has no contradiction."""

from __future__ import annotations

from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.config_store import ConfigStore
from omegaconf import OmegaConf

from imatfashion.config.schema import Config

CONF = Path(__file__).resolve().parents[2] / "conf"
FILES = sorted(path.relative_to(CONF).with_suffix("") for path in CONF.glob("*/*.yaml"))


def composed(*overrides: str) -> Config:
    ConfigStore.instance().store(name="base_config", node=Config)
    with initialize_config_dir(version_base="1.3", config_dir=str(CONF)):
        config = OmegaConf.to_object(compose("config", ["data.root=.", *overrides]))
    assert isinstance(config, Config)
    config.validate()
    return config


@pytest.mark.parametrize("file", FILES, ids=str)
def test_group_composes(file: Path) -> None:
    composed(f"{file.parent}={file.name}")


def test_stage_brings_its_schedule() -> None:
    assert composed("stage=attributes").schedule != composed("stage=classes").schedule


def test_gpu_presets_are_named_by_their_memory() -> None:
    for memory in (8, 12, 16, 24, 48, 80, 141):
        gpu = composed(f"gpu={memory}gb").gpu
        assert (gpu.name, gpu.memory_gb) == (f"{memory}gb", memory)


def test_platform_limits_are_values_to_override() -> None:
    old = composed("platform=kaggle2019", "platform.max_hours=1.5")
    assert old.platform.max_hours == 1.5
    assert (old.platform.memory_gb, old.platform.max_files, old.platform.fork) == (16, 499, False)
    new = composed("platform=kaggle")
    assert (new.platform.memory_gb, new.platform.output_gb, new.platform.offline) == (30, 20, True)
