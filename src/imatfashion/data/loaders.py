"""Loader processes: how many, what they set up, and a loader that resumes by its sampler."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import cv2
import torch
from torch.utils.data import DataLoader, Dataset, Sampler

from imatfashion.data.collate import Batch, collate
from imatfashion.data.worker_signals import leave_signals_to_parent

_MOST = 16
"""Loader processes from which more do not help: one reads some 60 photos a second."""


class StepLoader(DataLoader[Any]):
    """A loader without a state of its own.

    Lightning warns about loaders in mid-epoch that cannot be resumed; ours can, since `StepSampler` starts at a step.
    """

    def state_dict(self) -> dict[str, Any]:
        """Nothing: the data module keeps the step."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Nothing to restore."""


def make_loader(
    dataset: Dataset[Any], sampler: Sampler[Any] | Iterable[Any], *, micro_batch: int, workers: int, pin: bool = False
) -> DataLoader[Batch]:
    """A loader of whole micro-batches (the last one of a validation may be smaller).

    Args:
        dataset: the samples.
        sampler: which of them, in which order.
        micro_batch: photos of a batch.
        workers: loader processes; 0 reads in this process.
        pin: put batches into page-locked memory, from where a GPU copies them while it computes.

    Returns:
        The loader; its processes live as long as it does.
    """
    return StepLoader(
        dataset,
        batch_size=micro_batch,
        sampler=sampler,
        num_workers=workers,
        collate_fn=collate,
        pin_memory=pin,
        persistent_workers=workers > 0,
        worker_init_fn=start_worker if workers else None,
    )


def start_worker(worker: int) -> None:
    """Keep a loader process to one thread; it competes with its siblings otherwise."""
    del worker
    leave_signals_to_parent()
    cv2.setNumThreads(0)
    torch.set_num_threads(1)


def worker_count(wanted: int, *, cores: int, most: int | None = None, fork: bool = True) -> int:
    """Loader processes of one rank.

    Args:
        wanted: the user's number, −1 to derive it: one a core, none on a single core.
        cores: processors of this rank.
        most: a limit from elsewhere (memory); None for none.
        fork: whether processes may be started at all.

    Returns:
        The number; at most 2 a core.
    """
    if not fork:
        return 0
    derived = min(cores, _MOST) if cores > 1 else 0
    count = derived if wanted < 0 else min(wanted, 2 * cores)
    return count if most is None else max(0, min(count, most))
