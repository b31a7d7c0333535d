"""The time limit holds for the whole of `fit`, however often it starts anew."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import pytest
from torch import Tensor

from imatfashion.config.schema import Config, PlatformConfig, TrainerConfig
from imatfashion.tasks.classes import ClassSegmenter
from imatfashion.training import limits
from imatfashion.training.fit import fit
from imatfashion.training.limits import OutOfTime, deadline_of

Make = Callable[..., Config]


class Clock:
    """An hour passes before memory runs out."""

    hours = 0.0

    @classmethod
    def monotonic(cls) -> float:
        return 3600 * cls.hours


class Full(ClassSegmenter):
    """A segmenter whose device holds one photo."""

    tried: list[int] = []

    def forward(self, image_BCHW: Tensor) -> Tensor:
        if self.training:
            self.tried.append(len(image_BCHW))
            if len(image_BCHW) > 1:
                Clock.hours += 1
                raise MemoryError
        return super().forward(image_BCHW)


def test_starting_anew_gives_no_more_time(tiny: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "time", SimpleNamespace(monotonic=Clock.monotonic))
    monkeypatch.setattr(Clock, "hours", 5.0)
    monkeypatch.setattr(Full, "tried", [])
    config = tiny(trainer=TrainerConfig(on_memory="shrink"), platform=PlatformConfig(max_hours=1.5))
    with pytest.raises(OutOfTime, match=r"platform\.max_hours=1\.5 is reached at step 1: "):
        fit(config, task=Full)
    # Two hours went on the first two batches; the third is stopped after its first step, of four photos.
    assert Full.tried == [4, 2, 1, 1, 1, 1]


def test_without_a_limit_there_is_no_deadline() -> None:
    assert deadline_of(PlatformConfig()) is None
