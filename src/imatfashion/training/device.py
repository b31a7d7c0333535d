"""From the goal (effective batch, resolution, stage) and the device to the knobs: batch, accumulation, precision."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

import torch
from pytorch_lightning.plugins.environments import SLURMEnvironment  # type: ignore[attr-defined]

from imatfashion.config.schema import Config
from imatfashion.errors import FashionError

# Memory that one photo more takes while training at 512 × 512 in float32, GB, by stage. Measured on an H100 over
# resnet34 (docs/PERFORMANCE.md): the U-Net of width 256 with 46 classes and Dice 0.74, in mixed precision 0.50; the
# attribute classifier 0.20 in mixed precision. Lovász sorts some 0.1 more. gpu.per_device_batch overrides all this.
_PHOTO_GB = {"classes": 0.95, "attributes": 0.4}
_MIXED = 0.65
# Weights, optimizer and library workspaces, GB.
_FIXED_GB = 2.0


@dataclass(frozen=True)
class DeviceSettings:
    """How a run uses its device.

    Attributes:
        accelerator: `cpu` or `cuda`.
        devices: processes of the run on a machine.
        nodes: machines of the run.
        micro_batch: photos a device holds at once.
        accumulate: micro-batches an optimizer step adds up.
        precision: Lightning's name of it.
        channels_last: memory format of the network.
        compile: compile the inner network.
        title: the device in words.
    """

    accelerator: str
    devices: int
    nodes: int
    micro_batch: int
    accumulate: int
    precision: str
    channels_last: bool
    compile: bool
    title: str


def device_settings(config: Config) -> DeviceSettings:
    """Derive what the config leaves open.

    Raises:
        FashionError: a GPU is asked for, or there, that torch cannot use; more of them are asked for than there are;
            another number of processes was started than the run shall have; or float16 on a processor.
    """
    _check_processes(config.gpu.devices * config.gpu.nodes)
    cuda = _choose_cuda(config.gpu.name)
    if cuda:
        _check_cards(config.gpu.devices)
    if config.gpu.devices > 1 and hasattr(sys, "ps1"):
        raise FashionError(
            f"gpu.devices={config.gpu.devices} does not work from a notebook or a prompt, whose process has the GPU "
            "already: start it as a command of its own, !python train.py … in a notebook"
        )
    if config.gpu.precision == "16-mixed" and not cuda:
        raise FashionError("gpu.precision=16-mixed is for GPUs; on a processor take bf16-mixed or 32-true")
    memory = config.gpu.memory_gb or (_cuda_memory() if cuda else None)
    precision = config.gpu.precision or (mixed_precision() if cuda else "32-true")
    share = config.batch_size // (config.gpu.devices * config.gpu.nodes)
    micro = config.gpu.per_device_batch or _largest_divisor(share, _capacity(config, memory, precision))
    return DeviceSettings(
        accelerator="cuda" if cuda else "cpu",
        devices=config.gpu.devices,
        nodes=config.gpu.nodes,
        micro_batch=micro,
        accumulate=share // micro,
        precision=precision,
        # On processors too: a U-Net's step was measured up to 4 times faster.
        channels_last=True if config.gpu.channels_last is None else config.gpu.channels_last,
        compile=bool(config.gpu.compile),
        title=torch.cuda.get_device_name() if cuda else _processor(torch.get_num_threads()),
    )


def _processor(threads: int) -> str:
    return f"CPU, {threads} {'thread' if threads == 1 else 'threads'}"


def _choose_cuda(name: str) -> bool:
    if name == "cpu":
        return False
    usable, reason = cuda_usable()
    if usable:
        return True
    if name == "auto" and not Path("/dev/nvidia0").exists():
        return False
    raise FashionError(
        f"gpu={name}: torch cannot use a GPU here ({reason}); mend that, or train on the processor with gpu=cpu"
    )


def _check_cards(wanted: int) -> None:
    there = torch.cuda.device_count()
    # Where torchrun shows each process one card alone, Lightning takes that one.
    if wanted > there and not (there == 1 and "TORCHELASTIC_RUN_ID" in os.environ):
        raise FashionError(
            f"gpu.devices={wanted}, but torch sees {there} GPU{'' if there == 1 else 's'} on this machine: give "
            f"gpu.devices={there}{'' if there == 1 else ' or less'}, or look at CUDA_VISIBLE_DEVICES"
        )


def cuda_usable() -> tuple[bool, str]:
    """Whether torch can use a GPU, and if not, why."""
    if torch.version.cuda is None:
        return False, "this torch is built without CUDA"
    if not torch.cuda.is_available():
        return False, f"torch {torch.__version__} finds no driver for CUDA {torch.version.cuda}, or no card"
    capability, built = torch.cuda.get_device_capability(), torch.cuda.get_arch_list()
    if built and capability[0] * 10 + capability[1] < min(int(arch.split("_")[1].rstrip("af")) for arch in built):
        return False, f"the card's capability {capability[0]}.{capability[1]} is older than any this torch is built for"
    return True, ""


def _cuda_memory() -> float:
    return float(torch.cuda.get_device_properties(0).total_memory) / 1e9


def mixed_precision() -> str:
    """The mixed precision that the GPU is best at, by Lightning's name."""
    return "bf16-mixed" if torch.cuda.get_device_capability() >= (8, 0) else "16-mixed"


def _capacity(config: Config, memory_gb: float | None, precision: str) -> int:
    """Photos that fit a device; without a memory figure (a processor), at most 16."""
    if memory_gb is None:
        return 16
    return max(1, int((memory_gb * 0.9 - _FIXED_GB) / _photo_gb(config, precision)))


def _photo_gb(config: Config, precision: str) -> float:
    photo = _PHOTO_GB[config.stage.name] * (config.resolution / 512) ** 2 * float(config.layers**0.5)
    return photo * (1.0 if precision == "32-true" else _MIXED)


def estimated_gb(config: Config, settings: DeviceSettings) -> float:
    """Memory of a device, GB, as the per-device batch was derived from it."""
    return _FIXED_GB + settings.micro_batch * _photo_gb(config, settings.precision)


def _check_processes(wanted: int) -> None:
    """Refuse several processes that would each train the whole run into one directory, or too few."""
    started, who = os.environ.get("WORLD_SIZE"), "torchrun"
    if started is None and SLURMEnvironment.detect():  # not in SLURM's interactive shell, where Lightning starts them
        started, who = os.environ.get("SLURM_NTASKS"), "SLURM"
    if started is not None and started.isdecimal() and int(started) != wanted:
        raise FashionError(
            f"{who} has started {started} process(es), and gpu.devices × gpu.nodes is {wanted}: make them equal, with "
            "gpu.devices= the processes of a machine and gpu.nodes= the machines"
        )


def _largest_divisor(number: int, limit: int) -> int:
    return next(size for size in range(min(number, limit), 0, -1) if number % size == 0)
