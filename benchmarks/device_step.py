"""The part of step.py that needs a GPU: rates by size and precision, the loader's share, memory, the largest batch."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from measuring import MIB
from resident import Resident, made_batch, make_task, steps_a_second
from stand_in import stand_in

from imatfashion.config.schema import AugmentConfig, DataConfig
from imatfashion.data.datamodule import FashionDataModule

SIDES = (224, 512)
BATCH, LARGEST = {224: 64, 512: 16}, 4096
SHARE = 0.05
_HEADER = "side precision compile  resident images/s  loaded images/s  loader's share  peak MiB  largest batch"


def measure_device(folder: Path, *, sides: tuple[int, ...] = SIDES, share: float = SHARE, steps: int = 30) -> None:
    """Print a table, a line for each size, precision and compilation.

    Args:
        folder: takes the made data, a `share` of full scale for each side.
        sides: sizes of the samples, pixels.
        share: of the full scale; an epoch should be longer than `steps`.
        steps: that are timed.
    """
    print(torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU: the same on the processor")
    print(_HEADER)
    for side in sides:
        root = stand_in(folder / str(side), share, side)
        for precision, compiled in _ways():
            row = measure(root, side, precision, compiled, steps)
            print(
                f"{side:4} {precision:>10} {compiled!s:>6} {row['resident']:18.0f} {row['loaded']:16.0f} "
                f"{1 - row['loaded'] / row['resident']:14.1%} {row['peak']:10.0f} {row['largest']:14.0f}"
            )


def _ways() -> Iterator[tuple[str, bool]]:
    if not torch.cuda.is_available():
        yield "32-true", False
        return
    halves = ["16-mixed", *(["bf16-mixed"] if torch.cuda.get_device_capability() >= (8, 0) else [])]
    for precision in ("32-true", *halves):
        yield precision, False
        yield precision, True


def measure(root: Path, side: int, precision: str, compiled: bool, steps: int) -> dict[str, float]:
    """Images a second resident and loaded, peak MiB of the card, and the largest batch (0 without a card)."""
    batch = BATCH.get(side, 8)
    resident = batch * _rate(side, batch, precision, compiled, steps)
    peak = torch.cuda.max_memory_allocated() / MIB if torch.cuda.is_available() else 0.0
    data = FashionDataModule(
        DataConfig(root=str(root), near_duplicates=False),
        augment=AugmentConfig(),
        resolution=side,
        resize="squash",
        layers=1,
        batch_size=batch,
        micro_batch=batch,
        seed=0,
    )
    task = make_task(side, compiled=compiled)
    loaded = batch * steps_a_second(task, data, precision, steps=steps, warm=_warm(steps))
    return {"resident": resident, "loaded": loaded, "peak": peak, "largest": _largest(side, precision, compiled)}


def _rate(side: int, batch: int, precision: str, compiled: bool, steps: int) -> float:
    """Steps a second on a batch that stays on the device."""
    device: Any = "cpu"
    if torch.cuda.is_available():
        device = "cuda"
        gc.collect()  # a step that ran out of memory is still held by its traceback
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    data = Resident(made_batch(batch, side), torch.device(device))
    return steps_a_second(make_task(side, compiled=compiled), data, precision, steps=steps, warm=_warm(steps))


def _warm(steps: int) -> int:
    return max(1, steps // 3)


def _largest(side: int, precision: str, compiled: bool) -> int:
    """The largest batch that trains, to an eighth."""

    def fits(batch: int) -> bool:
        try:
            _rate(side, batch, precision, compiled, 2)
        except torch.cuda.OutOfMemoryError:
            return False
        return True

    if not torch.cuda.is_available():
        return 0
    low, high = 0, BATCH.get(side, 8)
    while high <= LARGEST and fits(high):
        low, high = high, 2 * high
    while high <= LARGEST and high - low > max(1, low // 8):
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low
