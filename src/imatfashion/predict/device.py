"""Which device predicts, and how precisely."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import torch

from imatfashion.config.precisions import PRECISIONS, check_precision
from imatfashion.errors import FashionError
from imatfashion.training.device import cuda_usable, mixed_precision


@dataclass(frozen=True)
class Place:
    """Where networks run, and how precisely.

    Attributes:
        device: the device.
        low: the type that autocast takes where it is safe; None for float32 throughout.
    """

    device: torch.device
    low: torch.dtype | None = None

    def autocast(self) -> AbstractContextManager[None]:
        """Within it networks run at this precision."""
        return torch.autocast(self.device.type, dtype=self.low, enabled=self.low is not None)


def choose_place(device: str, precision: str | None = None) -> Place:
    """Where `device` and `precision` mean.

    Args:
        device: as `choose_device`.
        precision: `32-true`, `16-mixed` or `bf16-mixed`; None for the mixed one that a GPU is best at, and for float32
            on a processor.

    Raises:
        FashionError: as `choose_device`; or the precision is none of these, or not for a processor.
    """
    chosen = choose_device(device)
    if precision is None:
        precision = mixed_precision() if chosen.type == "cuda" else "32-true"
    check_precision(precision)
    if precision == "16-mixed" and chosen.type == "cpu":
        raise FashionError("precision=16-mixed is for GPUs; on a processor take bf16-mixed or 32-true")
    low = PRECISIONS[precision]
    return Place(chosen, getattr(torch, low) if low else None)


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
