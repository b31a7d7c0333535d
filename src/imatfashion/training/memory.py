"""Out of memory: the sentence that says which per-device batch fits, and going on with a smaller one."""

from __future__ import annotations

import gc
import traceback
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import torch

from imatfashion.config.arguments import resume_command
from imatfashion.config.precisions import PRECISIONS
from imatfashion.config.schema import Config
from imatfashion.data.collate import collate
from imatfashion.data.datamodule import FashionDataModule
from imatfashion.errors import FashionError
from imatfashion.tasks.base import FashionTask
from imatfashion.training.device import DeviceSettings
from imatfashion.training.memory_faults import MEMORY_FAULTS, is_of_gpu, is_out_of_memory
from imatfashion.training.seen import to_device

if TYPE_CHECKING:
    from imatfashion.training.trainer import Run

T = TypeVar("T")


class OutOfMemory(FashionError):
    """Memory ran out.

    Args:
        sentence: the message.
        run_dir: of the run.
        smaller: the per-device batch to go on with; None where there is none.
    """

    def __init__(self, sentence: str, run_dir: Path, smaller: int | None) -> None:
        super().__init__(sentence)
        self.run_dir = run_dir
        self.smaller = smaller


def smaller_batches(config: Config, settings: DeviceSettings) -> list[int]:
    """Per-device batches below the one that was tried, the largest first; the effective batch is a multiple of each."""
    share = config.batch_size // (settings.devices * settings.nodes)
    return [size for size in range(settings.micro_batch - 1, 0, -1) if share % size == 0]


def with_memory(work: Callable[[], T], run: Run, *, trial: bool = False) -> T:
    """Do the work of a run; where memory runs out, say what fits.

    Args:
        work: what may need too much.
        run: the run.
        trial: there is no run to go on with.

    Raises:
        OutOfMemory: memory ran out.
    """
    try:
        return work()
    except MEMORY_FAULTS as error:
        if not is_out_of_memory(error):
            raise
        # What the failed step held is freed with its frames.
        traceback.clear_frames(error.__traceback__)
        on_gpu = is_of_gpu(error)
        from_loader = "DataLoader worker" in str(error)
    free_memory()
    raise _fault("the GPU" if on_gpu else "a loader process" if from_loader else "this machine", run, trial)


def _fault(where: str, run: Run, trial: bool) -> OutOfMemory:
    config, settings, sizes = run.config, run.settings, smaller_batches(run.config, run.settings)
    height, width = config.size
    tried = f"{where} is out of memory at {height} × {width} pixels with "
    tried += f"gpu.per_device_batch={settings.micro_batch}"
    if config.trainer.on_memory == "shrink" and sizes and not trial:
        return OutOfMemory(f"{tried}, {sizes[0]} is tried{_accumulated(run, sizes[0])}", run.run_dir, sizes[0])
    # Several processes cannot try it here: they wait for one another in every step.
    alone = settings.devices * settings.nodes == 1
    sizes = [size for size in sizes if _fits(size, run)][:1] if alone else sizes
    if not sizes:
        advice = "lower resolution=, take a smaller network (model.backbone=, model.decoder_width=) or free memory"
        return OutOfMemory(f"{tried}, and no smaller one fits: {advice}", run.run_dir, None)
    fits = f"{sizes[0]} fits, as was tried" if alone else f"{sizes[0]} is the next to try"
    command = resume_command(run.run_dir, f"gpu.per_device_batch={sizes[0]}")
    itself = " (trainer.on_memory=shrink does so by itself)" if alone else ""
    advice = "give it" if trial else f"go on with: {command}{itself}"
    return OutOfMemory(f"{tried}, {fits}{_accumulated(run, sizes[0])}; {advice}", run.run_dir, sizes[0])


def _accumulated(run: Run, size: int) -> str:
    share = run.config.batch_size // (run.settings.devices * run.settings.nodes)
    return f" ({share // size} accumulated, batch_size={run.config.batch_size} stays)"


def _fits(size: int, run: Run) -> bool:
    """Try a step of a smaller batch; the weights stay, as all rates are 0."""
    try:
        _try_step(size, run.settings, run.task, run.data)
    except MEMORY_FAULTS as error:
        if not is_out_of_memory(error):
            raise
        traceback.clear_frames(error.__traceback__)
        return False
    except ValueError:
        # A batch norm that sees one value a channel: some networks do not train on one photo.
        return False
    finally:
        run.task.zero_grad(set_to_none=True)
        free_memory()
    return True


def _try_step(size: int, settings: DeviceSettings, task: FashionTask, data: FashionDataModule) -> None:
    device = torch.device(settings.accelerator)
    dataset = data.train_dataset()
    batch = to_device(collate([dataset[0, index % len(dataset)] for index in range(size)]), device)
    task.trainer = None
    task.to(device).train()
    low = PRECISIONS[settings.precision]
    mixed = torch.autocast(device.type, dtype=getattr(torch, low) if low else None, enabled=low is not None)
    with warnings.catch_warnings():
        # There is no trainer to log to.
        warnings.filterwarnings("ignore", message=".*self.log.*")
        with mixed:
            loss = task.training_step(batch, 0)
        assert isinstance(loss, torch.Tensor)
        loss.backward()  # type: ignore[no-untyped-call]
    task.configure_optimizers().step()


def free_memory() -> None:
    """Give freed memory back, so that it can be used otherwise."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def shrunk(config: Config, run_dir: Path, size: int) -> Config:
    """The config that goes on in a run directory with a smaller per-device batch."""
    return replace(config, gpu=replace(config.gpu, per_device_batch=size), resume=str(run_dir), run_dir=str(run_dir))
