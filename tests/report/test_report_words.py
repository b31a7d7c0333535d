from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest

from imatfashion.report import words
from imatfashion.report.curves import read_curves


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "–"), (math.nan, "–"), (0, "0.0 %"), (0.0001, "< 0.1 %"), (0.0123, "1.2 %"), (0.5, "50 %"), (1.0, "100 %")],
)
def test_percent(value: object, text: str) -> None:
    assert words.percent(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "–"),
        (4.24, "4.2 s"),
        (59.7, "1 min 0 s"),
        (75, "1 min 15 s"),
        (5405, "1 h 30 min"),
        (90000, "25 h 0 min"),
    ],
)
def test_duration(seconds: object, text: str) -> None:
    assert words.duration(seconds) == text


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 bytes"), (999, "999 bytes"), (1500, "1.5 kB"), (45_000_000, "45 MB"), (2_600_000_000, "2.6 GB")],
)
def test_size(size: int, text: str) -> None:
    assert words.size(size) == text


@pytest.mark.parametrize(
    ("value", "text"), [(1, "1 photo"), (0, "0 photos"), (1234, "1,234 photos"), (None, "– photos")]
)
def test_many(value: object, text: str) -> None:
    assert words.many(value, "photo") == text


def test_curves_leave_out_what_is_torn(tmp_path: Path) -> None:
    path = tmp_path / "metrics.csv"
    path.write_text(
        'step,epoch,train/loss,val/loss,val/miou,"val/iou/shirt, blouse"\n'
        "0,0,2.5,,,\n1,0,nan,,,\n1,0,,1.5,0.25,0.5\n2,1,1.5,,,\n3,1,,1.25,0.5,0.5\nx,1,9,,,\n4,2,1.",
        encoding="utf-8",
    )
    curves = read_curves(path)
    assert set(curves.by_name) == {"train/loss", "val/loss", "val/miou"}
    assert (curves.by_name["train/loss"].steps, curves.by_name["train/loss"].values) == ([1, 3], [2.5, 1.5])
    assert curves.steps_per_epoch == 2
    assert curves.best("val/miou") == (0.5, 2.0)
    assert curves.best("val/map") is None
    assert curves.last_step == 4


def test_a_cut_epoch_is_no_whole_one(tmp_path: Path) -> None:
    path = tmp_path / "metrics.csv"
    path.write_text("step,epoch,val/loss,val/miou\n3,0,1,0.2\n6,1,1,0.3\n", encoding="utf-8")
    curves = read_curves(path)
    assert (curves.steps_per_epoch, curves.best("val/miou")) == (4, (0.3, 1.75))
    assert replace(curves, recorded_per_epoch=5).steps_per_epoch == 5


def test_an_empty_file_has_no_curves(tmp_path: Path) -> None:
    (tmp_path / "metrics.csv").write_text("")
    curves = read_curves(tmp_path / "metrics.csv")
    assert (curves.by_name, curves.last_step, curves.steps_per_epoch) == ({}, 0, None)
