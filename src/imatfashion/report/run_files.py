"""A run directory as it lies on disk, whole or cut short."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]

from imatfashion.errors import FashionError
from imatfashion.report.curves import Curves, read_curves
from imatfashion.report.words import number

RUN_FILES = {
    "config.yaml": "the whole configuration, as resolved",
    "checkpoints/best.ckpt": "the weights with the best monitored value; all that prediction needs",
    "checkpoints/last.ckpt": "the state after the last saved step; what resuming goes on from",
    "metrics.csv": "every logged figure by step and epoch",
    "split.json": "which photos were for training and which for validation; reusable as data.split_file",
    "summary.json": "what was run, where, how long and with which versions",
    "evaluation.json": "the figures of the best checkpoint on the validation photos",
    "examples": "the best and the worst validation photos as pictures",
    "panels": "the same few validation photos after each epoch",
    "tensorboard": "event files; `tensorboard --logdir` shows them",
}
"""What a run directory may hold, in the order of the page."""


@dataclass(frozen=True)
class RunFiles:
    """What a run left.

    Attributes:
        path: the run directory, as given.
        summary: summary.json, empty where it is missing.
        evaluation: evaluation.json, empty where it is missing.
        config: the configuration; empty where it is missing.
        config_text: the text of config.yaml.
        split: split.json, empty where it is missing.
        curves: metrics.csv.
        faults: a sentence for each file that is there but cannot be read.
    """

    path: Path
    summary: dict[str, Any]
    evaluation: dict[str, Any]
    config: Mapping[str, Any]
    config_text: str
    split: dict[str, Any]
    curves: Curves
    faults: tuple[str, ...]

    @property
    def stage(self) -> str:
        """`classes` or `attributes`."""
        return str(self.evaluation.get("stage") or self.summary.get("stage") or self.setting("stage.name", "classes"))

    @property
    def monitor(self) -> str:
        """Name of the monitored figure."""
        return str(self.summary.get("monitor") or ("val/map" if self.stage == "attributes" else "val/miou"))

    def setting(self, key: str, default: Any = None) -> Any:
        """A value of the configuration by its dotted key."""
        node: Any = self.config
        for part in key.split("."):
            if not isinstance(node, Mapping) or part not in node:
                return default
            node = node[part]
        return default if node is None else node

    def rows(self, name: str) -> list[dict[str, Any]]:
        """A list of objects of the evaluation, empty where it is missing."""
        found = self.evaluation.get(name)
        return [row for row in found if isinstance(row, dict)] if isinstance(found, list) else []


def read_run(run_dir: Path) -> RunFiles:
    """Read what is there; a run that was killed lacks its last files.

    Raises:
        FashionError: the directory is missing or no run was written into it.
    """
    if not run_dir.is_dir():
        raise FashionError(f"{run_dir} is not a directory; give the run directory that train.py printed as `run:`")
    if not any((run_dir / name).is_file() for name in ("config.yaml", "metrics.csv", "summary.json")):
        raise FashionError(
            f"{run_dir} holds no run (no config.yaml, metrics.csv or summary.json); "
            "give the run directory that train.py printed as `run:`"
        )
    faults: list[str] = []
    summary, evaluation, split = (
        _json(run_dir / f"{name}.json", faults) for name in ("summary", "evaluation", "split")
    )
    config_file, metrics_file = run_dir / "config.yaml", run_dir / "metrics.csv"
    curves = read_curves(metrics_file) if metrics_file.is_file() else Curves()
    curves.recorded_per_epoch = number(summary.get("steps_per_epoch"))
    text = config_file.read_text(encoding="utf-8", errors="replace") if config_file.is_file() else ""
    return RunFiles(
        path=run_dir,
        summary=summary,
        evaluation=evaluation,
        config=_config(text, summary, faults),
        config_text=text,
        split=split,
        curves=curves,
        faults=tuple(faults),
    )


def _json(path: Path, faults: list[str]) -> dict[str, Any]:
    """The JSON object of a file; empty where there is none, with a fault where it cannot be read."""
    if not path.is_file():
        return {}
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        faults.append(f"{path.name} cannot be read ({error}); it is left out here.")
        return {}
    if not isinstance(found, dict):
        faults.append(f"{path.name} does not hold a JSON object; it is left out here.")
        return {}
    return found


def _config(text: str, summary: dict[str, Any], faults: list[str]) -> Mapping[str, Any]:
    """The configuration, from the summary or from the text of config.yaml."""
    if isinstance(found := summary.get("config"), dict):
        return found
    try:
        found = yaml.safe_load(text)
    except yaml.YAMLError:
        faults.append("config.yaml cannot be read as YAML; what it says is left out of the sentences here.")
        return {}
    return found if isinstance(found, dict) else {}
