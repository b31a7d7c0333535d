"""What summary.json says of a run."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version

import pytest

from imatfashion.config.schema import Config
from imatfashion.training import versions
from imatfashion.training.fit import fit
from imatfashion.training.summary import environment


@pytest.mark.parametrize(("max_steps", "epochs"), [(3, 0.75), (4, 1), (6, 1.5)])
def test_a_cut_epoch_counts_as_far_as_it_went(tiny: Callable[..., Config], max_steps: int, epochs: float) -> None:
    found = json.loads((fit(tiny(max_steps=max_steps)).run_dir / "summary.json").read_text(encoding="utf-8"))
    assert (found["steps"], found["steps_per_epoch"], found["epochs"]) == (max_steps, 4, epochs)


def test_a_checkout_that_is_only_on_the_path(tiny: Callable[..., Config], monkeypatch: pytest.MonkeyPatch) -> None:
    """Without an installed imatfashion a run comes to its end, and says so."""

    def installed(package: str) -> str:
        if package == "imatfashion":
            raise PackageNotFoundError(package)
        return version(package)

    monkeypatch.setattr(versions, "version", installed)
    found = json.loads((fit(tiny(max_steps=3)).run_dir / "summary.json").read_text(encoding="utf-8"))["versions"]
    assert found["imatfashion"] == "not installed"
    assert found["torch"] == version("torch")


def test_the_command_can_be_pasted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["train.py", "x=[1, 2]", 'data.root="it\'s"'])
    assert shlex.split(environment()["command"]) == ["python", *sys.argv]
