"""Our training step as a run makes it (Lightning, AdamW, clipping), on one batch that stays or on a data module's."""

from __future__ import annotations

import json
import logging
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback
from torch.utils.data import DataLoader

from imatfashion.config.schema import ScheduleConfig
from imatfashion.data.collate import Batch
from imatfashion.models.spec import ModelSpec
from imatfashion.tasks.classes import ClassSegmenter

CLASSES = 46


def make_task(
    side: int,
    backbone: str = "resnet34",
    compiled: bool = False,
    *,
    architecture: str = "unet",
    width: int = 256,
    region_loss: str = "dice",
) -> ClassSegmenter:
    """The class segmenter of the competition's 46 classes, from random weights."""
    spec = ModelSpec(
        stage="classes",
        architecture=architecture,
        backbone=backbone,
        decoder_width=width,
        resolution=side,
        mean=(0.485, 0.456, 0.406),
        std=(0.229, 0.224, 0.225),
        class_ids=tuple(range(CLASSES)),
        class_names=tuple(f"class {i}" for i in range(CLASSES)),
        layer_of_class=(0,) * CLASSES,
        allowed_pairs=((),) * CLASSES,
    )
    torch.manual_seed(0)
    return ClassSegmenter(
        spec.to_json(),
        schedule=ScheduleConfig(),
        channels_last=True,
        compile_network=compiled,
        region_loss=region_loss,
    )


def made_batch(batch: int, side: int) -> Batch:
    """Noise with labels in blocks of 16 pixels; no garments, which this stage does not look at."""
    generator = torch.Generator().manual_seed(0)
    blocks = torch.randint(0, CLASSES + 1, (batch, 1, side // 16, side // 16), generator=generator, dtype=torch.uint8)
    labels = blocks.repeat_interleave(16, 2).repeat_interleave(16, 3)
    nothing = torch.zeros(0, dtype=torch.int64)
    return Batch(
        image=torch.randint(0, 256, (batch, 3, side, side), generator=generator, dtype=torch.uint8),
        labels=labels,
        regions=torch.full(labels.shape, -1, dtype=torch.int16),
        garment_photo=nothing,
        garment_class=nothing,
        garment_attributes=torch.zeros((0, 0), dtype=torch.bool),
        garment_known=torch.zeros(0, dtype=torch.bool),
        missed_attributes=torch.zeros((0, 0), dtype=torch.bool),
        photo=torch.arange(batch),
    )


class Resident(pl.LightningDataModule):
    """The same batch again and again; on a GPU it lies there from the beginning."""

    steps_per_epoch = 1_000_000

    def __init__(self, batch: Batch, device: torch.device) -> None:
        super().__init__()
        self.batch = {name: tensor.to(device) for name, tensor in batch.items()}  # type: ignore[attr-defined]

    def train_dataloader(self) -> DataLoader[Any]:
        """As many batches as anyone wants."""
        return DataLoader([self.batch] * self.steps_per_epoch, batch_size=None)  # type: ignore[arg-type]


class Paced(Callback):
    """Calls a function after each step, and stops when that says so."""

    def __init__(self, after_step: Callable[[], bool]) -> None:
        self.after_step = after_step

    def on_train_batch_end(self, trainer: pl.Trainer, *_: Any) -> None:
        """Go on or stop."""
        trainer.should_stop = self.after_step()


def train(task: ClassSegmenter, data: pl.LightningDataModule, precision: str, after_step: Callable[[], bool]) -> None:
    """Train until `after_step` returns True."""
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)  # what it finds there is not asked
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trainer = pl.Trainer(
            accelerator="cuda" if torch.cuda.is_available() else "cpu",
            devices=1,
            precision=precision,  # type: ignore[arg-type]
            gradient_clip_val=1.0,
            max_epochs=-1,
            limit_val_batches=0,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            use_distributed_sampler=False,
            callbacks=[Paced(after_step)],
        )
        trainer.fit(task, datamodule=data)


def steps_a_second(
    task: ClassSegmenter, data: pl.LightningDataModule, precision: str, *, steps: int, warm: int
) -> float:
    """Steps a second by the clock, after `warm` untimed ones."""
    ends: list[float] = []

    def after_step() -> bool:
        if len(ends) in (warm, warm + steps) and torch.cuda.is_available():
            # Only where the clock is read that counts: a step is queued while the one before it still runs.
            torch.cuda.synchronize()
        ends.append(time.perf_counter())
        return len(ends) > warm + steps

    train(task, data, precision, after_step)
    return steps / (ends[-1] - ends[warm])


def serve_steps(task: ClassSegmenter, data: pl.LightningDataModule, precision: str = "32-true") -> None:
    """Train as a contender: as many steps as each line of the input says, timed; the first step makes the optimizer."""
    left, started = 1, (0.0, 0.0)

    def after_step() -> bool:
        nonlocal left, started
        left -= 1
        if left:
            return False
        if started[0]:
            answer(started)
        line = sys.stdin.readline()
        left, started = int(line or 0), (time.perf_counter(), time.process_time())
        return not line

    train(task, data, precision, after_step)


def answer(started: tuple[float, float]) -> None:
    """Tell the time since then, by the clock and of this process."""
    print(json.dumps({"wall": time.perf_counter() - started[0], "cpu": time.process_time() - started[1]}), flush=True)
