"""What is asked of the config of a run that goes on."""

from __future__ import annotations

from pathlib import Path

import pytest

from imatfashion.config.checks import check_config
from imatfashion.config.schema import Config, DataConfig, StageConfig
from imatfashion.errors import FashionError


def test_a_run_that_started_from_weights_goes_on_without_them(tmp_path: Path) -> None:
    config = Config(data=DataConfig(root=str(tmp_path)), resume=str(tmp_path / "run"), init_from="gone.ckpt")
    check_config(config)
    config.resume = None
    with pytest.raises(FashionError, match=r"init_from=gone\.ckpt is not a file"):
        check_config(config)


def test_what_a_resumed_run_reads_must_be_there_again(tmp_path: Path) -> None:
    """Neither key can be given with resume, so that no other value is asked for."""
    gone = str(tmp_path / "gone")
    config = Config(data=DataConfig(root=gone), resume="run")
    with pytest.raises(FashionError) as refused:
        check_config(config)
    assert str(refused.value) == (
        f"data.root={gone} is not there, and the run run was trained on it: bring it back, or give the command in the "
        "folder where the run was started"
    )
    config = Config(StageConfig("attributes"), DataConfig(root=str(tmp_path), classes_from="a.table"), resume="run")
    with pytest.raises(FashionError, match=r"data\.classes_from=a\.table is not there, and the run run was trained"):
        check_config(config)
