"""What is written down about a run: what is needed to repeat it, and what it took."""

from __future__ import annotations

import json
import platform
import resource
import shlex
import subprocess
import sys
import time
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imatfashion.training.versions import version_of

if TYPE_CHECKING:
    import pytorch_lightning as pl

    from imatfashion.training.trainer import Run

PACKAGES = (
    "imatfashion",
    "torch",
    "pytorch-lightning",
    "timm",
    "segmentation-models-pytorch",
    "albumentations",
    "numpy",
)


def environment() -> dict[str, Any]:
    """Versions, the command and the state of the repository."""
    return {
        "command": shlex.join(["python", *sys.argv]),
        "versions": {"python": platform.python_version(), **{name: version_of(name) for name in PACKAGES}},
        "git": _git(),
    }


def _git() -> str | None:
    """The commit of the working directory's repository, with `+changes` where it differs; None without one."""
    try:
        found = subprocess.run(
            ["git", "describe", "--always", "--dirty=+changes", "--abbrev=12"],
            capture_output=True,
            text=True,
            timeout=5,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return found.stdout.strip() or None


def peak_memory_gb() -> float:
    """Largest resident memory of this process so far, GB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Linux counts in KiB, macOS in bytes.
    return peak * (1 if sys.platform == "darwin" else 1024) / 1e9


def write_summary(
    run: Run, trainer: pl.Trainer, *, score: float | None, started: float, seconds: float, images_per_second: float
) -> None:
    """Write `summary.json`.

    Args:
        run: the run.
        trainer: its trainer, done.
        score: the best value of the monitored metric.
        started: when the run began, seconds since the epoch.
        seconds: how long it took, in all its parts.
        images_per_second: photos trained on in a second.
    """
    photos = {"train": len(run.data.train_indices), "val": len(run.data.val_indices)}
    write_json(
        run.run_dir / "summary.json",
        {
            "stage": run.config.stage.name,
            **environment(),
            "started": _moment(started),
            "finished": _moment(time.time()),
            "seconds": round(seconds, 1),
            "peak_memory_gb": round(peak_memory_gb(), 3),
            "device": run.settings.title,
            "precision": run.settings.precision,
            "settings": asdict(run.settings),
            "images_per_second": round(images_per_second, 2),
            "steps": trainer.global_step,
            "steps_per_epoch": run.data.steps_per_epoch,
            "epochs": _epochs(trainer.global_step, run.data.steps_per_epoch),
            "photos": photos,
            "garments": len(run.data.annotations.garment_class),
            "refused": run.data.truth.refused,
            "data": {"table": str(run.data.truth.path), "key": run.data.truth.path.stem},
            "monitor": run.task.monitor,
            "best": score,
            "config": asdict(run.config),
        },
    )


def _epochs(steps: int, per_epoch: int) -> float:
    """Epochs trained, an integer where they are whole; Lightning's counter takes one that was cut for a whole one."""
    return steps // per_epoch if steps % per_epoch == 0 else round(steps / per_epoch, 2)


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds).isoformat(timespec="seconds")


def write_json(path: Path, value: dict[str, Any]) -> None:
    """Write aside and rename, so that no half of a file is ever read."""
    aside = path.with_suffix(".tmp")
    aside.write_text(json.dumps(value, indent=1, default=str), encoding="utf-8")
    aside.replace(path)
