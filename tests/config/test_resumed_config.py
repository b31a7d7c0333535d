"""`resume=`: what a command line changes of a run's config, and what it leaves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.config_store import ConfigStore
from omegaconf import OmegaConf

from imatfashion.config.resume import merge_resumed, save_config
from imatfashion.config.schema import Config

RUN = [
    "data.root=d",
    "gpu=cpu_bf16",
    "gpu.devices=2",
    "platform=kaggle",
    "platform.offline=true",
    "trainer.on_memory=shrink",
    "logger=wandb",
]


@pytest.fixture
def resumed(repository: Path, tmp_path: Path) -> Any:
    """Composes a run's config, saves it, and gives what a resuming command line makes of it."""

    ConfigStore.instance().store(name="base_config", node=Config)

    def make(*overrides: str) -> tuple[Config, Config]:
        with initialize_config_dir(str(repository / "conf"), version_base="1.3"):
            before = OmegaConf.to_object(compose("config", RUN))
            assert isinstance(before, Config)
            save_config(before, tmp_path / "config.yaml")
            composed = compose("config", [f"resume={tmp_path}", *overrides])
        after = OmegaConf.to_object(merge_resumed(composed, list(overrides)))
        assert isinstance(after, Config)
        return before, after

    return make


@pytest.mark.parametrize(
    "override", ["gpu.per_device_batch=4", "trainer.on_nan=skip", "platform.max_hours=5.5", "logger.panels=2"]
)
def test_a_key_changes_itself_alone(resumed: Any, override: str) -> None:
    group, _, key = override.partition("=")[0].partition(".")
    before, after = (OmegaConf.to_container(OmegaConf.structured(config)) for config in resumed(override))
    assert str(after[group].pop(key)) == override.partition("=")[2]
    before[group].pop(key)
    for name in ("gpu", "trainer", "platform", "logger"):
        assert after[name] == before[name]


def test_a_groups_choice_brings_its_values(resumed: Any) -> None:
    before, after = resumed("gpu=cpu", "gpu.devices=4")
    assert (before.gpu.precision, after.gpu.precision, after.gpu.devices) == ("bf16-mixed", None, 4)
    assert after.platform == before.platform
