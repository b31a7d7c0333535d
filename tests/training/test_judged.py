"""A validation split with nothing to judge by: refused beforehand where that is known, else a run without a score."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from imatfashion.config.schema import Config, GpuConfig
from imatfashion.errors import FashionError
from imatfashion.tasks.classes import ClassSegmenter
from imatfashion.training.fit import fit
from imatfashion.training.prepare import prepare

Make = Callable[..., Config]
Row = dict[str, str]
ATTRIBUTE = 0
"""An id that the drawn data has."""


@pytest.fixture
def rewritten(tiny: Make, drawn: Path, tmp_path: Path) -> Callable[..., Config]:
    """Makes the config of a run on drawn data whose validation rows are changed, or left out where that gives None."""

    def make(change: Callable[[int, Row], Row | None], stage: str, **fields: Any) -> Config:
        root = tmp_path / "data"
        shutil.copytree(drawn, root, ignore=shutil.ignore_patterns(".*"))
        kept = set((tmp_path / "val.txt").read_text(encoding="utf-8").split())
        with (root / "train.csv").open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            rows = [change(i, row) if row["ImageId"] in kept else row for i, row in enumerate(reader)]
        with (root / "train.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(reader.fieldnames or []))
            writer.writeheader()
            writer.writerows(row for row in rows if row is not None)
        config = tiny(stage, data=fields)
        config.data.root = str(root)
        return config

    return make


def absent(index: int, row: Row) -> None:
    return None


def plain(index: int, row: Row) -> Row:
    """The garment with its attributes left open."""
    return {**row, "ClassId": row["ClassId"].split("_")[0]}


def speck(index: int, row: Row) -> Row:
    """A garment of a pixel, of which nothing is left at 64 × 64, with the attribute that all the others have too."""
    return {**row, "ClassId": f"{plain(index, row)['ClassId']}_{ATTRIBUTE}", "EncodedPixels": f"{index + 1} 1"}


@pytest.mark.parametrize(
    ("stage", "change", "what"),
    [
        ("classes", absent, "a garment"),
        ("attributes", absent, "a garment with known attributes"),
        ("attributes", plain, "a garment with known attributes"),
    ],
)
def test_photos_without_what_is_judged_are_refused(
    rewritten: Make, tmp_path: Path, stage: str, change: Callable[..., Any], what: str
) -> None:
    said = rf"^none of the 4 validation photos has {what}, so .*: give another split \(seed=, data.split_file= or "
    with pytest.raises(FashionError, match=said):
        fit(rewritten(change, stage))
    assert not (tmp_path / "run").exists()


def test_open_attributes_that_count_as_none_are_no_attributes(rewritten: Make) -> None:
    with pytest.raises(FashionError, match="none of the 4 validation photos has a garment with known attributes"):
        fit(rewritten(plain, "attributes", unlabelled_attributes="negative"))


@pytest.mark.parametrize("stage", ["classes", "attributes"])
def test_a_figure_that_is_nan_is_no_value(rewritten: Make, caplog: pytest.LogCaptureFixture, stage: str) -> None:
    result = fit(rewritten(speck, stage))
    assert result.score is None
    assert result.best_checkpoint.is_file()
    with (result.run_dir / "metrics.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert rows[-1]["step"] == "7"
    assert not any(row.get(result.monitor) for row in rows)
    assert json.loads((result.run_dir / "summary.json").read_text(encoding="utf-8"))["best"] is None
    assert f"the validation gave no {result.monitor}" in caplog.text


def test_a_task_with_another_figure_needs_no_garment(rewritten: Make) -> None:
    class ByLoss(ClassSegmenter):
        monitor = "val/loss"
        mode = "min"

    assert fit(rewritten(absent, "classes"), task=ByLoss).score is not None


def test_each_process_has_a_photo_to_validate(tiny: Make, tmp_path: Path) -> None:
    with pytest.raises(FashionError, match=r"^4 validation photo\(s\) cannot be divided among 8 processes"):
        prepare(tiny(gpu=GpuConfig("cpu", devices=8), batch_size=8))
    assert not (tmp_path / "run").exists()
