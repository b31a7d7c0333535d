"""More cards than there are: a sentence, before a run is begun."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from imatfashion.config.schema import Config, GpuConfig
from imatfashion.errors import FashionError
from imatfashion.training import device
from imatfashion.training.device import device_settings


@pytest.fixture
def two_cards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "cuda_usable", lambda: (True, ""))
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "a card")
    monkeypatch.delenv("TORCHELASTIC_RUN_ID", raising=False)


def gpu(devices: int) -> GpuConfig:
    return GpuConfig(devices=devices, memory_gb=16, precision="32-true")


@pytest.mark.usefixtures("two_cards")
def test_more_cards_than_there_are(tiny: Callable[..., Config]) -> None:
    assert device_settings(tiny(gpu=gpu(2), batch_size=4)).devices == 2
    with pytest.raises(FashionError) as refused:
        device_settings(tiny(gpu=gpu(4), batch_size=4))
    assert str(refused.value) == (
        "gpu.devices=4, but torch sees 2 GPUs on this machine: give gpu.devices=2 or less, or look at "
        "CUDA_VISIBLE_DEVICES"
    )


@pytest.mark.usefixtures("two_cards")
def test_torchrun_may_show_each_process_its_own_card(
    tiny: Callable[..., Config], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As Lightning has it."""
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "job")
    assert device_settings(tiny(gpu=gpu(4), batch_size=4)).devices == 4


def test_processors_are_not_counted(tiny: Callable[..., Config]) -> None:
    assert device_settings(tiny(gpu=GpuConfig("cpu", devices=4))).devices == 4


@pytest.mark.parametrize(
    ("who", "variables"),
    [("torchrun", {"WORLD_SIZE": "2"}), ("SLURM", {"SLURM_JOB_NAME": "train", "SLURM_NTASKS": "2"})],
)
def test_as_many_processes_as_the_run_has(
    tiny: Callable[..., Config], monkeypatch: pytest.MonkeyPatch, who: str, variables: dict[str, str]
) -> None:
    """Two processes of one device each would both train the whole run, into one directory."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    for devices in (1, 4):
        with pytest.raises(FashionError, match=rf"{who} has started 2 process\(es\), and .* is {devices}: make"):
            device_settings(tiny(gpu=GpuConfig("cpu", devices=devices)))
    assert device_settings(tiny(gpu=GpuConfig("cpu", devices=2))).devices == 2
    assert device_settings(tiny(gpu=GpuConfig("cpu", nodes=2))).nodes == 2
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    monkeypatch.setenv("SLURM_JOB_NAME", "bash")  # a shell of one task, in which Lightning starts the processes
    assert device_settings(tiny(gpu=GpuConfig("cpu", devices=4))).devices == 4
