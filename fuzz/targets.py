"""The targets: each is made once and then called with bytes; whatever it raises is a finding."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path

Target = Callable[[bytes], None]

MODULES = {
    "text": ("runs", "coco_masks", "spec"),
    "files": (
        "csv2019",
        "csv2020",
        "submission",
        "coco_json",
        "labels",
        "tuning",
        "checkpoint",
        "table",
        "prepared",
        "photo",
    ),
    "page": ("page",),
}
"""Names of the targets, by the module that has them."""
NAMES = tuple(name for names in MODULES.values() for name in names)


def make_target(name: str, folder: Path) -> Target:
    """The target of that name, given an empty folder of its own."""
    module = next(module for module, names in MODULES.items() if name in names)
    target: Target = getattr(import_module(f"fuzz.{module}"), name)(folder)
    return target
