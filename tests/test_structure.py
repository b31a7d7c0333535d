"""The rooms of the house: a module imports only from rooms to its left."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOMS = [
    "config",
    "masks",
    "data",
    "models",
    "metrics",
    "tasks",
    "training",
    "predict",
    "evaluate",
    "report",
    "apps",
    "cli",
]
SOURCE = Path(__file__).resolve().parent.parent / "src" / "imatfashion"
MODULES = sorted(path for path in SOURCE.rglob("*.py") if path.parent != SOURCE or path.stem == "cli")


def imported_rooms(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
        elif isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
    return {name.split(".")[1] for name in names if name.startswith("imatfashion.")} - {"errors"}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_imports_come_from_the_left(path: Path) -> None:
    room = path.relative_to(SOURCE).parts[0].removesuffix(".py")
    allowed = set(ROOMS[: ROOMS.index(room) + 1])
    assert imported_rooms(path) <= allowed


@pytest.mark.parametrize("room", ["masks", "models", "metrics"])
def test_pure_rooms_know_no_lightning_and_no_hydra(room: str) -> None:
    for path in (SOURCE / room).glob("*.py"):
        text = path.read_text(encoding="utf-8")
        for name in ("pytorch_lightning", "hydra", "omegaconf"):
            assert f"import {name}" not in text
            assert f"from {name}" not in text


@pytest.mark.parametrize("room", [room for room in ROOMS if room != "config"])
def test_omegaconf_stays_at_the_border(room: str) -> None:
    for path in SOURCE.glob(f"{room}*/*.py"):
        assert "omegaconf" not in path.read_text(encoding="utf-8").lower()


@pytest.mark.parametrize("module", ["imatfashion", "imatfashion.cli", "imatfashion.config.compose"])
def test_starting_up_imports_nothing_heavy(module: str) -> None:
    code = f"import {module}, sys; print(sorted({{'torch', 'pandas', 'cv2', 'matplotlib'}} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"


def test_public_names_are_lazy_and_there() -> None:
    import imatfashion

    for name in imatfashion.__all__:
        assert callable(getattr(imatfashion, name))
