"""The part of step.py that needs a GPU: rates by size and precision, the loader's share, memory, the largest batch."""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import torch
from made_csv import PHOTOS
from measuring import MIB
from resident import Resident, made_batch, make_task, steps_a_second
from stand_in import stand_in

from imatfashion.config.schema import AugmentConfig, DataConfig
from imatfashion.data.cores import core_count
from imatfashion.data.datamodule import FashionDataModule

SIDES = (224, 512)
BATCH = {224: 128, 512: 32}
TIMED, WARM = 24, 8
_SPARE = 1.3  # an epoch longer than the steps: at its end the loader starts anew
_HEADER = (
    "side precision  compiled  resident img/s  loaded img/s  loader's share  loader alone img/s"
    "  peak MiB  MiB a photo  largest batch"
)


class Way(NamedTuple):
    """How a step is made."""

    side: int
    precision: str
    compiled: bool

    @property
    def batch(self) -> int:
        """Photos a step."""
        return _batch(self.side)


def _batch(side: int) -> int:
    return BATCH.get(side, 8)


def measure_device(folder: Path, *, sides: tuple[int, ...] = SIDES, timed: int = TIMED) -> None:
    """Print a table, a line for each size, precision and compilation.

    Args:
        folder: takes the made data, as many photos for each side as the steps see.
        sides: sizes of the samples, pixels.
        timed: steps that are timed, after `WARM` others.
    """
    print(torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU: the same on the processor")
    batches = ", ".join(f"{_batch(side)} at {side}" for side in sides)
    print(f"{core_count()} cores for the loader; batch {batches}")
    print(_HEADER, flush=True)
    for side in sides:
        photos = _SPARE * (WARM + timed) * _batch(side)
        root = stand_in(folder / str(side), min(1.0, photos / PHOTOS), side)
        alone = _loader_alone(root, side)
        for precision, compiled in _ways():
            print(measure(Way(side, precision, compiled), root, alone, timed), flush=True)


def _ways() -> Iterator[tuple[str, bool]]:
    yield "32-true", False
    if torch.cuda.is_available():
        yield "16-mixed", False
        if torch.cuda.get_device_capability() >= (8, 0):
            yield "bf16-mixed", False
            yield "bf16-mixed", True


def measure(way: Way, root: Path, alone: float, timed: int) -> str:
    """A line of the table; `alone` are the loader's samples a second where nothing takes them."""
    resident, peak = _resident(way, way.batch, timed)
    task = make_task(way.side, compiled=way.compiled)
    loaded = way.batch * steps_a_second(task, _data(root, way.side), way.precision, steps=timed, warm=WARM)
    line = (
        f"{way.side:4} {way.precision:>10} {way.compiled!s:>8} {resident:15.0f} {loaded:13.0f} "
        f"{1 - loaded / resident:15.1%} {alone:19.0f} {peak / MIB:9.0f}"
    )
    if not torch.cuda.is_available() or way.compiled:
        return line
    a_photo, largest = _largest(way, peak)
    return f"{line} {a_photo / MIB:12.1f} {largest:14}"


def _data(root: Path, side: int) -> FashionDataModule:
    batch = _batch(side)
    return FashionDataModule(
        DataConfig(root=str(root), near_duplicates=False, val_fraction=0.01),
        augment=AugmentConfig(),
        resolution=side,
        resize="squash",
        layers=1,
        batch_size=batch,
        micro_batch=batch,
        seed=0,
    )


def _loader_alone(root: Path, side: int) -> float:
    """Samples a second that the loader's processes make, over an epoch without its first batches."""
    data = _data(root, side)
    data.setup()
    samples, started = 0, 0.0
    for number, batch in enumerate(data.train_dataloader()):
        if number == WARM:
            samples, started = 0, time.perf_counter()
        samples += len(batch["image"])
    return samples / (time.perf_counter() - started)


def _resident(way: Way, batch: int, steps: int) -> tuple[float, int]:
    """Images a second on a batch that stays on the device, and the card's peak memory, bytes (0 without a card)."""
    device: Any = "cpu"
    if torch.cuda.is_available():
        device = "cuda"
        gc.collect()  # a step that ran out of memory is still held by its traceback
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    data = Resident(made_batch(batch, way.side), torch.device(device))
    task = make_task(way.side, compiled=way.compiled)
    rate = batch * steps_a_second(task, data, way.precision, steps=steps, warm=WARM)
    return rate, torch.cuda.max_memory_reserved() if torch.cuda.is_available() else 0


def _largest(way: Way, peak: int) -> tuple[float, int]:
    """Bytes of one photo more, and the largest batch that was seen to train: a line through two peaks, tried."""
    a_photo = (_resident(way, 2 * way.batch, 2)[1] - peak) / way.batch
    free = torch.cuda.get_device_properties(0).total_memory - (peak - way.batch * a_photo)
    for share in (0.97, 0.93, 0.88, 0.8, 0.7):
        batch = int(share * free / a_photo)
        try:
            _resident(way, batch, 2)
        except torch.cuda.OutOfMemoryError:
            continue
        return a_photo, batch
    return a_photo, 2 * way.batch
