"""The seed of a step: torch takes it whatever the run's seed, and that of small seeds stays what it was."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest
import torch

from imatfashion.tasks.base import FashionTask


def seeded(seed: int, epoch: int, batch: int) -> int:
    """What torch was seeded with at a step."""
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=0.1)
    optimizer.param_groups[0]["encoder"] = False
    task = SimpleNamespace(
        seed=seed,
        current_epoch=epoch,
        global_step=0,
        schedule=SimpleNamespace(rate=lambda step, *, encoder: 0.1),
        optimizers=lambda use_pl_optimizer: optimizer,
        log=lambda *arguments, **options: None,
    )
    FashionTask.on_train_batch_start(cast(Any, task), cast(Any, {}), batch)
    return torch.initial_seed()


@pytest.mark.parametrize("seed", [20240101, 123456789, 2**32 - 1])
def test_large_seeds_are_taken(seed: int) -> None:
    assert len({seeded(seed, epoch, batch) for epoch in range(3) for batch in range(3)}) == 9


@pytest.mark.parametrize("seed", [0, 7, 9_000_000, 18_000_000])
def test_what_torch_took_before_stays(seed: int) -> None:
    assert seeded(seed, 4, 11) == (seed * 1_000_003 + 4) * 1_000_003 + 11
