"""The final evaluation: on the run's device and in its precision, after which the network lies where it was."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Self

import pytest
import torch
from torch import Tensor

from imatfashion.config.schema import Config, GpuConfig
from imatfashion.tasks.classes import ClassSegmenter
from imatfashion.training import fit as fit_module
from imatfashion.training.fit import fit
from imatfashion.training.on_device import on_device

Make = Callable[..., Config]


class Moved(ClassSegmenter):
    """Notes where it is moved to."""

    moves: list[str] = []

    def to(self, *args: Any, **options: Any) -> Self:
        self.moves.append(f"to {args[0]}")
        return super().to(*args, **options)

    def cpu(self) -> Self:
        self.moves.append("cpu")
        return super().cpu()


class Pretended:
    """Stands for a task, whose device is only said."""

    def __init__(self) -> None:
        self.device = torch.device("cpu")

    def to(self, device: torch.device) -> None:
        self.device = device


def test_the_network_goes_to_the_device_that_it_was_trained_on(tiny: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    Moved.moves = []
    evaluate = fit_module.evaluate

    def noted(*args: Any) -> dict[str, Any]:
        Moved.moves.append("evaluate")
        return evaluate(*args)

    monkeypatch.setattr(fit_module, "evaluate", noted)
    fit(tiny(max_steps=1), task=Moved)
    # Lightning moves it to the device, and off it when training ends.
    assert Moved.moves == ["to cpu", "cpu", "to cpu", "evaluate", "to cpu"]


def test_a_process_uses_its_own_device_and_clears_it_whatever_happens() -> None:
    task, seen = Pretended(), []

    def fail() -> None:
        with on_device(task, torch.device("cuda", 1), "32-true"):  # type: ignore[arg-type]
            seen.append(task.device)
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert seen == [torch.device("cuda", 1)]
    assert task.device == torch.device("cpu")


@pytest.mark.parametrize(
    ("precision", "dtype"), [("bf16-mixed", torch.bfloat16), ("32-true", torch.float32), (None, torch.float32)]
)
def test_it_is_evaluated_in_the_runs_precision(
    tiny: Make, monkeypatch: pytest.MonkeyPatch, precision: str | None, dtype: torch.dtype
) -> None:
    logits: list[torch.dtype] = []
    evaluate = fit_module.evaluate

    class Noted(ClassSegmenter):
        def forward(self, image_BCHW: Tensor) -> Tensor:
            found = super().forward(image_BCHW)
            logits.append(found.dtype)
            return found

    def only_now(*args: Any) -> dict[str, Any]:
        logits.clear()
        return evaluate(*args)

    monkeypatch.setattr(fit_module, "evaluate", only_now)
    result = fit(tiny(gpu=GpuConfig("cpu", precision=precision)), task=Noted)
    assert set(logits) == {dtype}
    # The same figure as the validation's while it was trained.
    written = json.loads((result.run_dir / "evaluation.json").read_text(encoding="utf-8"))
    assert written["metrics"]["miou"] == pytest.approx(result.score, abs=1e-6)
