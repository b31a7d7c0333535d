"""Out of memory while predicting, injected: a sentence, what is done is kept, and a smaller batch goes on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from imatfashion.config.schema import PredictConfig
from imatfashion.errors import FashionError
from imatfashion.predict.predictor import Predictor
from imatfashion.predict.run import run_prediction

Make = Callable[..., PredictConfig]
GPU = torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
HOST = RuntimeError("[enforce fail at alloc_cpu.cpp:121] . DefaultCPUAllocator: can't allocate memory: you tried")


@pytest.fixture
def runs_out(monkeypatch: pytest.MonkeyPatch) -> Callable[[BaseException, int], None]:
    """Lets the segmenters fail from a batch on."""
    start = Predictor.start

    def inject(error: BaseException, first: int) -> None:
        batches = iter(range(100))

        def failing(self: Predictor, *arguments: Any, **options: Any) -> Any:
            if next(batches) >= first:
                raise error
            return start(self, *arguments, **options)

        monkeypatch.setattr(Predictor, "start", failing)

    return inject


@pytest.mark.parametrize(
    ("error", "changes", "sentence"),
    [
        (
            GPU,
            {"batch_size": 64},
            "the GPU is out of memory with batch_size=64, tta_scales=[1.0], size=grid: give a smaller batch_size=, "
            "which goes on behind the photos that are done",
        ),
        (
            HOST,
            {"batch_size": 3, "tta_scales": [1.0, 4.0]},
            "this machine is out of memory with batch_size=3, tta_scales=[1.0, 4.0], size=grid: give a smaller "
            "batch_size=, which goes on behind the photos that are done, or smaller tta_scales=",
        ),
        (
            MemoryError(),
            {"batch_size": 1, "size": "photo", "format": "coco"},
            "this machine is out of memory with batch_size=1, tta_scales=[1.0], size=photo: give size=grid",
        ),
        (
            GPU,
            {"batch_size": 1},
            "the GPU is out of memory with batch_size=1, tta_scales=[1.0], size=grid: free memory, or take device=cpu",
        ),
        (
            HOST,
            {"batch_size": 1},
            "this machine is out of memory with batch_size=1, tta_scales=[1.0], size=grid: free memory",
        ),
    ],
)
def test_a_sentence_says_what_to_make_smaller(
    config: Make,
    runs_out: Callable[[BaseException, int], None],
    error: BaseException,
    changes: dict[str, object],
    sentence: str,
) -> None:
    runs_out(error, 0)
    with pytest.raises(FashionError) as refused:
        run_prediction(config("out.json" if "format" in changes else "out.csv", **changes))
    assert str(refused.value) == sentence


def test_a_smaller_batch_goes_on(
    config: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, runs_out: Callable[[BaseException, int], None]
) -> None:
    whole = run_prediction(config("whole.csv", batch_size=1)).read_bytes()
    with monkeypatch.context():
        runs_out(GPU, 2)
        with pytest.raises(FashionError, match="the GPU is out of memory"):
            run_prediction(config("out.csv", batch_size=3))
    monkeypatch.undo()
    assert len((tmp_path / "out.csv.part").read_text().splitlines()) > 1
    assert run_prediction(config("out.csv", batch_size=1)).read_bytes() == whole


def test_other_faults_pass(config: Make, runs_out: Callable[[BaseException, int], None]) -> None:
    runs_out(RuntimeError("a bug"), 0)
    with pytest.raises(RuntimeError, match="a bug"):
        run_prediction(config())
