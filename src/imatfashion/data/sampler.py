"""Which photos a step sees: a pure function of seed, epoch and step, so that a run resumes from its step alone."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from torch.utils.data import Sampler

from imatfashion.errors import FashionError


class StepSampler(Sampler[tuple[int, int]]):
    """Yields (epoch, index) for this rank's micro-batches, one after the other.

    An epoch is `max(1, length // batch)` whole effective batches. An effective batch is the same set of photos whatever
    the number of ranks and the size of the micro-batches.

    Args:
        length: number of photos, at least 1.
        batch: effective batch: photos of an optimizer step, over ranks and accumulation.
        micro_batch: photos a rank holds at once.
        seed: of the order.
        rank: this process.
        world: number of processes.
        repeats: how often each photo comes for once that another one comes, float (length,), at least 1; None for all
            alike. Its nth repetition in a round is index + n · length, so that it gets random changes of its own.

    Raises:
        FashionError: no photos, or `batch` is not a multiple of `micro_batch` × `world`.
    """

    def __init__(
        self,
        length: int,
        *,
        batch: int,
        micro_batch: int,
        seed: int,
        rank: int = 0,
        world: int = 1,
        repeats: npt.NDArray[np.float64] | None = None,
    ) -> None:
        if length < 1:
            raise FashionError("there is no photo to train on: check the split and data.limit")
        if batch % (micro_batch * world):
            raise FashionError(
                f"batch_size={batch} is not a multiple of {micro_batch} photos a device × {world} devices: "
                "change batch_size or gpu.per_device_batch"
            )
        self.length, self.batch, self.micro_batch = length, batch, micro_batch
        self.seed, self.rank, self.world = seed, rank, world
        self.repeats = repeats
        self.epoch = 0
        self._start = (0, 0)

    @property
    def steps_per_epoch(self) -> int:
        """Optimizer steps of an epoch."""
        return max(1, self.length // self.batch)

    def __len__(self) -> int:
        """This rank's samples of a whole epoch, wherever the current one begins."""
        return self.steps_per_epoch * self.batch // self.world

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch of the next iteration (Lightning calls this before each)."""
        self.epoch = epoch

    def start_at(self, epoch: int, step_in_epoch: int) -> None:
        """Go on in an epoch: that one begins at a step, the others at their beginning."""
        # Not forgotten when iterated: Lightning may make an iterator before the one that it uses.
        self.epoch, self._start = epoch, (epoch, step_in_epoch)

    def __iter__(self) -> Iterator[tuple[int, int]]:
        epoch = self.epoch
        first = self._start[1] if self._start[0] == epoch else 0
        order = self._order(epoch).reshape(self.steps_per_epoch, -1, self.world, self.micro_batch)
        for index in order[first:, :, self.rank].ravel().tolist():
            yield epoch, index

    def _order(self, epoch: int) -> npt.NDArray[np.int64]:
        """Indices of the epoch's steps, in order, int64 (steps · batch,); few photos come several times."""
        count = self.steps_per_epoch * self.batch
        rounds = -(-count // self.length)
        rng = np.random.default_rng((self.seed, epoch))
        return np.concatenate([rng.permutation(self._round(rng)) for _ in range(rounds)])[:count]

    def _round(self, rng: np.random.Generator) -> npt.NDArray[np.int64]:
        """Every photo as often as its factor says; what is left of a whole number is left to chance."""
        photos = np.arange(self.length)
        if self.repeats is None:
            return photos
        times = np.floor(self.repeats + rng.random(self.length)).astype(np.int64)
        nth = np.arange(times.sum()) - np.repeat(np.cumsum(times) - times, times)
        order: npt.NDArray[np.int64] = np.repeat(photos, times) + nth * self.length
        return order


class ShardSampler(Sampler[int]):
    """Every index once over all ranks, rising; no index twice to fill up.

    Args:
        length: number of photos.
        rank: this process.
        world: number of processes.
    """

    def __init__(self, length: int, *, rank: int = 0, world: int = 1) -> None:
        self._indices = range(rank, length, world)

    def __len__(self) -> int:
        """This rank's share."""
        return len(self._indices)

    def __iter__(self) -> Iterator[int]:
        return iter(self._indices)
