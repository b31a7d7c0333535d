"""A task on the device of its run, outside of Lightning's loops."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from imatfashion.config.precisions import PRECISIONS
from imatfashion.tasks.base import FashionTask


@contextmanager
def on_device(task: FashionTask, device: torch.device, precision: str) -> Iterator[None]:
    """Have the task on a device, computing as its validation does while it is trained; then put it back.

    Args:
        task: what is moved; Lightning leaves it on the processor when training ends.
        device: where to, `trainer.strategy.root_device`: the process's own of several.
        precision: one of `PRECISIONS`.
    """
    before, low = task.device, PRECISIONS[precision]
    try:
        task.to(device)
        with torch.autocast(device.type, dtype=getattr(torch, low) if low else None, enabled=low is not None):
            yield
    finally:
        task.to(before)
