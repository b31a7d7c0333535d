"""Which device predicts."""

from __future__ import annotations

import os
from pathlib import Path

import torch

from imatfashion.errors import FashionError
from imatfashion.training.device import cuda_usable


def choose_device(name: str) -> torch.device:
    """The device that `auto`, `cpu`, `cuda` or `cuda:N` means.

    `auto` takes a GPU where there is one; several processes of one machine (torchrun, SLURM) take one each.

    Raises:
        FashionError: a GPU is asked for, or there, that torch cannot use; or the name is none of these.
    """
    kind, _, number = name.partition(":")
    if kind not in ("auto", "cpu", "cuda") or (number and not (kind == "cuda" and number.isdecimal())):
        raise FashionError(f"device={name} is not a choice; take one of auto, cpu, cuda, cuda:N")
    if kind == "cpu":
        return torch.device("cpu")
    usable, reason = cuda_usable()
    if not usable:
        if kind == "auto" and not Path("/dev/nvidia0").exists():
            return torch.device("cpu")
        raise FashionError(
            f"device={name}: torch cannot use a GPU here ({reason}); mend that, or predict with device=cpu"
        )
    count = torch.cuda.device_count()
    if number and int(number) >= count:
        raise FashionError(f"device={name}: there are {count} GPUs here, counted from 0")
    local_rank = int(os.environ.get("LOCAL_RANK") or os.environ.get("SLURM_LOCALID") or 0)
    return torch.device("cuda", int(number) if number else local_rank % count)
