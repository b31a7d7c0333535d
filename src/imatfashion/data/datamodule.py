"""From the data's configuration to loaders: tables, split, samples, order, resumption."""

from __future__ import annotations

import logging
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytorch_lightning as pl
import torch
from torch.utils.data import DataLoader

from imatfashion.config.schema import AugmentConfig, DataConfig
from imatfashion.data.annotations import Annotations
from imatfashion.data.build import open_table
from imatfashion.data.collate import Batch
from imatfashion.data.cores import core_count
from imatfashion.data.dataset import FashionDataset
from imatfashion.data.loaders import make_loader, worker_count
from imatfashion.data.prepared import prepared_resolution
from imatfashion.data.repeats import repeat_factors
from imatfashion.data.sampler import ShardSampler, StepSampler
from imatfashion.data.sources import DataFiles
from imatfashion.data.split import Split, make_split
from imatfashion.errors import FashionError

_logger = logging.getLogger(__name__)


class FashionDataModule(pl.LightningDataModule):
    """Training and validation batches of one data set, for both stages.

    Args:
        config: where the data is, whose garments are trained on, how it is split.
        augment: random changes of the training samples.
        resolution: side of a sample, pixels.
        resize: `squash` or `pad`.
        crop: `photo` or `garments`, see `FashionDataset`.
        aspect: height of a sample divided by its width.
        layers: label maps, 1 or 2.
        batch_size: effective batch: photos of an optimizer step, over ranks and accumulation.
        micro_batch: photos that a rank holds at once.
        seed: of the split, the order and the random changes.
        max_workers: limit of loader processes (memory); None for none.
        fork: whether loader processes may be started.

    Attributes:
        annotations: the table that is trained on (after `setup`, as all below).
        truth: the true table; the same as `annotations` unless that is predicted.
        train_indices: photos of the true table to train on, int64 (n,).
        val_indices: photos of the true table to validate on, int64 (m,).
        layer_of_class: label map of each class.
        split: the split, as it is written down with the run.
    """

    annotations: Annotations
    truth: Annotations
    train_indices: npt.NDArray[np.int64]
    val_indices: npt.NDArray[np.int64]
    layer_of_class: tuple[int, ...]
    split: Split

    def __init__(
        self,
        config: DataConfig,
        *,
        augment: AugmentConfig,
        resolution: int,
        resize: str,
        layers: int,
        batch_size: int,
        micro_batch: int,
        seed: int,
        crop: str = "photo",
        aspect: float = 1.0,
        max_workers: int | None = None,
        fork: bool = True,
    ) -> None:
        super().__init__()
        self.config = config
        self.augment = augment
        self.resolution, self.resize, self.layers = resolution, resize, layers
        self.crop, self.aspect = crop, aspect
        self.batch_size, self.micro_batch, self.seed = batch_size, micro_batch, seed
        self.max_workers, self.fork = max_workers, fork
        self._step = 0
        self._ready = False

    def prepare_data(self) -> None:
        """Build the table where it is not built yet (one process a machine does)."""
        self._open_truth()

    def setup(self, stage: str | None = None) -> None:
        """Open the tables and make the split; the second call does nothing.

        Raises:
            FashionError: what is wrong with the data, or with the table of `classes_from`.
        """
        del stage
        if self._ready:
            return
        self.truth = self._open_truth()
        prepared = prepared_resolution(self.truth)
        # Garments fill about half of a photo's height or width, or more.
        twice = self.crop == "garments"
        wanted = self.resolution * (2 if twice else 1)
        if prepared is not None and prepared < wanted:
            why = ", which crop=garments wants of the whole photo," if twice else ""
            _logger.warning("%s is prepared for %d pixels: %d%s enlarges it.", self.truth.path, prepared, wanted, why)
        self.split = make_split(self.truth, self.config, self.seed)
        self.train_indices, self.val_indices = self.split.train, self.split.val
        self.annotations = self.truth
        if self.config.classes_from != "truth":
            self.annotations = open_predicted(Path(self.config.classes_from), self.truth)
            self.train_indices = self._predicted(self.train_indices, "training")
            self.val_indices = self._predicted(self.val_indices, "validation")
        self.layer_of_class = tuple(self.truth.layer_of_class(self.layers))
        self._ready = True

    @property
    def steps_per_epoch(self) -> int:
        """Optimizer steps of an epoch."""
        return max(1, len(self.train_indices) // self.batch_size)

    @property
    def workers(self) -> int:
        """Loader processes of this rank for training; validation has half as many."""
        ranks = self.trainer.num_devices if self.trainer else 1
        return worker_count(self.config.workers, cores=core_count(ranks), most=self.max_workers, fork=self.fork)

    @cached_property
    def repeats(self) -> npt.NDArray[np.float64] | None:
        """How often each training photo comes, by the rarest of its true classes; None where all come alike."""
        if not self.config.repeat_rare:
            return None
        return repeat_factors(self.truth, self.train_indices, self.config.repeat_rare)

    def train_dataset(self) -> FashionDataset:
        """Training samples, with random changes."""
        return self._dataset(self.train_indices, self.augment, self.repeats)

    def val_dataset(self) -> FashionDataset:
        """Validation samples, as they are."""
        return self._dataset(self.val_indices, None, None)

    def train_dataloader(self) -> DataLoader[Batch]:
        """Micro-batches of this rank; after a resumption, from its step on."""
        rank, world = self._rank()
        sampler = StepSampler(
            len(self.train_indices),
            batch=self.batch_size,
            micro_batch=self.micro_batch,
            seed=self.seed,
            rank=rank,
            world=world,
            repeats=self.repeats,
        )
        sampler.start_at(*divmod(self._step, self.steps_per_epoch))
        return make_loader(
            self.train_dataset(), sampler, micro_batch=self.micro_batch, workers=self.workers, pin=self._pin
        )

    def val_dataloader(self) -> DataLoader[Batch]:
        """Every validation photo once over the ranks, in order."""
        return self._val_dataloader(*self._rank())

    def whole_val_dataloader(self) -> DataLoader[Batch]:
        """Every validation photo once in this process, in order."""
        return self._val_dataloader(0, 1)

    def _val_dataloader(self, rank: int, world: int) -> DataLoader[Batch]:
        sampler = ShardSampler(len(self.val_indices), rank=rank, world=world)
        workers = (self.workers + 1) // 2
        return make_loader(self.val_dataset(), sampler, micro_batch=self.micro_batch, workers=workers, pin=self._pin)

    def state_dict(self) -> dict[str, Any]:
        """The optimizer step: all that the order and the random changes depend on."""
        return {"step": self.trainer.global_step if self.trainer else self._step}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continue at a step: loaders made from now on begin there."""
        self._step = int(state_dict["step"])

    def _open_truth(self) -> Annotations:
        return open_table(Path(self.config.root), DataFiles.of(self.config))

    def _dataset(
        self,
        indices: npt.NDArray[np.int64],
        augment: AugmentConfig | None,
        repeats: npt.NDArray[np.float64] | None,
    ) -> FashionDataset:
        return FashionDataset(
            self.annotations,
            indices,
            truth=self.truth,
            resolution=self.resolution,
            resize=self.resize,
            crop=self.crop,
            aspect=self.aspect,
            layer_of_class=self.layer_of_class,
            augment=augment,
            seed=self.seed,
            unlabelled_attributes=self.config.unlabelled_attributes,
            repeats=repeats,
        )

    @property
    def _pin(self) -> bool:
        # Not for a run on the processor: page-locked memory is had from the card, which may be another program's.
        on_gpu = self.trainer is None or self.trainer.strategy.root_device.type == "cuda"
        return on_gpu and torch.cuda.is_available()

    def _rank(self) -> tuple[int, int]:
        return (self.trainer.global_rank, self.trainer.world_size) if self.trainer else (0, 1)

    def _predicted(self, indices: npt.NDArray[np.int64], side: str) -> npt.NDArray[np.int64]:
        """The photos that the predicted table has."""
        kept = [photo for photo in indices.tolist() if self.annotations.find(self.truth.name(photo)) is not None]
        absent = len(indices) - len(kept)
        if not kept:
            raise FashionError(
                f"the table {self.annotations.path} has none of the {len(indices)} {side} photos: "
                "run predict.py on the photos of this data set and give its table as data.classes_from"
            )
        if absent:
            _logger.warning(
                "%d of %d %s photos are not in %s and are left out.", absent, len(indices), side, self.annotations.path
            )
        return np.array(kept, dtype=np.int64)


def open_predicted(path: Path, truth: Annotations) -> Annotations:
    """Open the table of `classes_from`.

    Args:
        path: what predict.py wrote.
        truth: the true table.

    Returns:
        The predicted table.

    Raises:
        FashionError: there is no table, or its classes are not those of the truth.
    """
    predicted = Annotations(path)
    if predicted.classes.ids != truth.classes.ids:
        raise FashionError(
            f"the table {path} has {len(predicted.classes)} classes, other ones than the {len(truth.classes)} of "
            f"{truth.path}: data.classes_from must be predicted by a model trained on this data set's classes"
        )
    return predicted
