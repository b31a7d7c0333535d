"""What is written down about a run: what is needed to repeat it, and what it took."""

from __future__ import annotations

import json
import platform
import resource
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

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
        "command": " ".join(sys.argv),
        "versions": {"python": platform.python_version(), **{name: version(name) for name in PACKAGES}},
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


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object, empty where there is no file."""
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else {}


def write_json(path: Path, value: dict[str, Any]) -> None:
    """Write aside and rename, so that no half of a file is ever read."""
    aside = path.with_suffix(".tmp")
    aside.write_text(json.dumps(value, indent=1, default=str), encoding="utf-8")
    aside.replace(path)
