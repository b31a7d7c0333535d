"""Small good files, of which hostile ones are made."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from tests.predict.conftest import ATTRIBUTES, CLASSES, save_checkpoint

__all__ = ["ATTRIBUTES", "CLASSES", "Data", "prepared_data", "save_checkpoint"]


class Data(NamedTuple):
    """Folders of a table and of prepared data."""

    annotations: Path
    prepared: Path


def prepared_data(folder: Path) -> Data:
    """A drawn data set of eight photos, indexed and prepared."""
    from imatfashion.data.build import open_table
    from imatfashion.data.prepare.run import prepare
    from imatfashion.data.sample import draw_sample

    draw_sample(folder / "drawn", photos=8, seed=3)
    table = open_table(folder / "drawn")
    prepare(folder / "drawn", folder / "prepared", resolution=32, workers=1, progress=False)
    return Data(table.path, folder / "prepared")
