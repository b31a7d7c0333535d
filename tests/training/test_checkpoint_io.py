"""A checkpoint is written whole or not at all."""

from __future__ import annotations

import resource
from pathlib import Path

import pytest
import torch

from imatfashion.errors import FashionError
from imatfashion.training.checkpoint_io import AtomicCheckpointIO


def test_a_checkpoint_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "run" / "checkpoints" / "last.ckpt"
    AtomicCheckpointIO().save_checkpoint({"weight": torch.arange(5)}, path)
    assert torch.equal(torch.load(path, weights_only=True)["weight"], torch.arange(5))
    assert [file.name for file in path.parent.iterdir()] == ["last.ckpt"]


def test_a_disk_that_is_full_keeps_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "checkpoints" / "last.ckpt"
    AtomicCheckpointIO().save_checkpoint({"step": 1}, path)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    # Stands for a full disk: no file may grow past 100 kB.
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        with pytest.raises(FashionError, match=r"last\.ckpt cannot be written \(File too large\), .* resume="):
            AtomicCheckpointIO().save_checkpoint({"step": 2, "weight": torch.zeros(100_000)}, path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert torch.load(path, weights_only=True) == {"step": 1}
    assert [file.name for file in path.parent.iterdir()] == ["last.ckpt"]
