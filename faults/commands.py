"""The commands that are disturbed: how each is given, and given again, and what its result is."""

from __future__ import annotations

import csv
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

TRAIN = [
    "data.workers=0",
    "model.backbone=test_resnet",
    "model.weights=none",
    "model.decoder_width=32",
    "model.embedding=16",
    "gpu=cpu",
    "logger=csv",
    "logger.panels=0",
    "resolution=64",
    "batch_size=4",
    "progress=false",
    # After each step there is a checkpoint: a kill strikes one more often.
    "checkpoint_minutes=0.0001",
    "schedule.phases=[{epochs: 1, frozen: true, max_rate: 0.001}, {epochs: 1, frozen: false, max_rate: 0.001}]",
]
PREDICT = ["grid=64", "batch_size=2", "workers=1", "device=cpu", "progress=false"]
SLOW = ("train/images_per_second", "train/loader_wait", "train/memory_gb")
"""Figures that depend on the machine: its speed, what it holds in memory."""


@dataclass(frozen=True)
class Base:
    """What the commands read: a drawn data set, and the checkpoints of an undisturbed run of each stage."""

    data: Path
    classes: Path
    attributes: Path


@dataclass(frozen=True)
class Command:
    """A command that is disturbed.

    Attributes:
        name: in the table.
        give: takes the base and an empty or disturbed folder, gives the command line to give (again).
        result: what of the folder must equal the undisturbed result.
        prepare: what an empty folder needs first.
    """

    name: str
    give: Callable[[Base, Path], list[str]]
    result: Callable[[Path], dict[str, Any]]
    prepare: Callable[[Base, Path], None] = lambda base, folder: None


def link_data(base: Base, folder: Path) -> None:
    """A data set without a table; its photos are those of the base (hard links: sizes and times are the same)."""
    shutil.copytree(base.data, folder / "data", copy_function=_link, ignore=shutil.ignore_patterns(".imatfashion"))


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:  # another file system
        shutil.copy2(source, target)


def files(folder: Path) -> dict[str, Any]:
    """The bytes of all files of a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def _tables(folder: Path) -> dict[str, Any]:
    return {name: content for name, content in files(folder / "data/.imatfashion").items() if ".building-" not in name}


def trained(run_dir: Path) -> dict[str, Any]:
    """Weights, optimizer state, figures and score of a run."""
    found: dict[str, Any] = {}
    for name in ("last", "best"):
        content = torch.load(run_dir / f"checkpoints/{name}.ckpt", weights_only=True)
        found[name] = {key: content[key] for key in ("state_dict", "optimizer_states", "global_step", "epoch")}
    with (run_dir / "metrics.csv").open(newline="", encoding="utf-8") as file:
        rows = [{key: text for key, text in row.items() if text and key not in SLOW} for row in csv.DictReader(file)]
    found["metrics"] = [row for row in rows if len(row) > 2]
    summary = json.loads((run_dir / "summary.json").read_text(encoding="utf-8"))
    found["best value"], found["steps"] = summary["best"], summary["steps"]
    found["evaluation"] = json.loads((run_dir / "evaluation.json").read_text(encoding="utf-8"))
    found["checkpoints"] = sorted(path.name for path in (run_dir / "checkpoints").glob("*.ckpt"))
    assert (run_dir / "report.html").read_text(encoding="utf-8").rstrip().endswith("</html>")
    return found


def _train(stage: str) -> Callable[[Base, Path], list[str]]:
    def give(base: Base, folder: Path) -> list[str]:
        run_dir = folder / "run"
        if (run_dir / "config.yaml").exists():
            return ["train.py", f"resume={run_dir}", "logger=csv", "progress=false"]
        return ["train.py", f"stage={stage}", f"data.root={base.data}", f"run_dir={run_dir}", *TRAIN]

    return give


def _predict(output: str) -> Callable[[Base, Path], list[str]]:
    def give(base: Base, folder: Path) -> list[str]:
        attributes = [f"attributes_ckpt={base.attributes}"] if output.endswith(".csv") else []
        images = f"images={base.data / 'train'}"
        return [
            "predict.py",
            f"classes_ckpt={base.classes}",
            images,
            f"output={folder / output}",
            *PREDICT,
            *attributes,
        ]

    return give


def _sweep(base: Base, folder: Path) -> list[str]:
    grid = ["seed=0,1", f"hydra.sweep.dir={folder / 'sweep'}"]
    return ["train.py", "-m", f"data.root={base.data}", *TRAIN, *grid]


def _swept(folder: Path) -> dict[str, Any]:
    found = json.loads((folder / "sweep/sweep.json").read_text(encoding="utf-8"))
    jobs = {str(number): trained(folder / "sweep" / str(number)) for number in (0, 1)}
    return {
        "jobs": jobs,
        "states": [(job["state"], job["value"]) for job in found["jobs"]],
        "best": found["best"]["value"],
    }


def _prepared(folder: Path) -> dict[str, Any]:
    return files(folder / "small") | {"left": sorted(path.name for path in folder.glob(".small*"))}


COMMANDS = {
    command.name: command
    for command in (
        Command("index", lambda base, folder: ["imatfashion", "index", str(folder / "data")], _tables, link_data),
        Command(
            "prepare",
            lambda base, folder: [
                *("imatfashion", "prepare", str(base.data), str(folder / "small"), "--resolution", "64"),
                *("--workers", "1"),
            ],
            _prepared,
        ),
        Command("train classes", _train("classes"), lambda folder: trained(folder / "run")),
        Command("train attributes", _train("attributes"), lambda folder: trained(folder / "run")),
        Command("predict to CSV", _predict("out.csv"), lambda folder: {"csv": (folder / "out.csv").read_bytes()}),
        Command("predict to a table", _predict("out.table"), lambda folder: files(folder / "out.table")),
        Command("sweep", _sweep, _swept),
    )
}


def differences(found: Any, wanted: Any, at: str = "") -> list[str]:
    """Where two results differ; arrays must be equal bit for bit."""
    if isinstance(wanted, dict) and isinstance(found, dict):
        keys = sorted(found.keys() | wanted.keys(), key=str)
        return [line for key in keys for line in differences(found.get(key), wanted.get(key), f"{at}/{key}")]
    if isinstance(wanted, list | tuple) and isinstance(found, list | tuple) and len(wanted) == len(found):
        pairs = enumerate(zip(found, wanted, strict=True))
        return [line for number, (one, other) in pairs for line in differences(one, other, f"{at}/{number}")]
    if isinstance(wanted, torch.Tensor) and isinstance(found, torch.Tensor):
        return [] if torch.equal(found, wanted) else [at]
    return [] if type(found) is type(wanted) and found == wanted else [at]
