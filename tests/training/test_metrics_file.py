"""metrics.csv: appended, widened, kept when resumed, and whole after a kill."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from imatfashion.training.metrics_file import MetricsFile


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "metrics.csv"
    logger = MetricsFile(path)
    for step in range(4):
        logger.log_metrics({"epoch": 0, "train/loss": 1.25 / (step + 1)}, step)
    logger.log_metrics({"epoch": 0, "val/miou": 0.5}, 3)
    return path


def test_columns_are_added_when_they_come(path: Path) -> None:
    assert list(rows(path)[0]) == ["step", "epoch", "train/loss", "val/miou"]
    assert [row["train/loss"] for row in rows(path)] == ["1.25", "0.625", repr(1.25 / 3), "0.3125", ""]
    assert rows(path)[-1] == {"step": "3", "epoch": "0", "train/loss": "", "val/miou": "0.5"}


def test_a_resumed_run_keeps_what_came_before_its_checkpoint(path: Path) -> None:
    logger = MetricsFile(path, first_step=2)
    assert [row["step"] for row in rows(path)] == ["0", "1"]
    logger.log_metrics({"epoch": 0, "train/loss": 9.0, "val/miou": 0.25}, 2)
    assert rows(path)[-1] == {"step": "2", "epoch": "0", "train/loss": "9.0", "val/miou": "0.25"}


def test_a_run_from_the_start_begins_a_new_file(path: Path) -> None:
    MetricsFile(path)
    assert path.read_text() == "step,epoch\n" or path.read_bytes() == b"step,epoch\r\n"


@pytest.mark.parametrize("cut", range(1, 14))
def test_a_row_torn_by_a_kill_is_dropped(path: Path, cut: int) -> None:
    whole = rows(path)
    torn = path.read_bytes() + b"4,0,0.1,0.75\r\n"
    path.write_bytes(torn[:-cut])
    MetricsFile(path, first_step=100)
    assert rows(path) == whole
