"""`check=true`: everything is tried, nothing is trained, and the pictures show what the network would see."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor

from imatfashion.config.schema import Config
from imatfashion.data.collate import Batch
from imatfashion.data.overlay import class_colors
from imatfashion.errors import FashionError
from imatfashion.tasks.classes import ClassSegmenter
from imatfashion.training import check_run as module
from imatfashion.training.check_picture import draw_batches
from imatfashion.training.check_run import check_run
from imatfashion.training.fit import fit
from imatfashion.training.memory import OutOfMemory
from imatfashion.training.prepare import prepare

Make = Callable[..., Config]


@pytest.mark.parametrize("stage", ["classes", "attributes"])
def test_the_command_writes_pictures_alone(repository: Path, drawn: Path, tmp_path: Path, stage: str) -> None:
    command = [
        sys.executable,
        str(repository / "train.py"),
        "check=true",
        f"stage={stage}",
        f"data.root={drawn}",
        f"run_dir={tmp_path / 'run'}",
        "model=tiny",
        "model.backbone=test_resnet",
        "resolution=64",
        "batch_size=4",
        "gpu=cpu",
        "data.workers=0",
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    # No dashboard, no checkpoint, no config: the run itself can have the same directory.
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["check.png"]
    for words in (
        r"^stage \w+ · 64 × 64 · ",
        r"^batch 4 × 1 accumulated",
        r"^memory +\d+\.\d\d GB held",
        r"^time +about \d:\d\d:\d\d an epoch and \d:\d\d:\d\d its validation, .* images/s: from 3 steps$",
        r"^checkpoint +written and read back, 0\.0\d+ GB; the run needs room for 3, \d+ GB are free$",
        rf"^pictures +{tmp_path}/run/check\.png$",
    ):
        assert re.search(words, done.stdout, flags=re.MULTILINE), words
    assert cv2.imread(str(tmp_path / "run/check.png")).shape[1] == 4 * 312 + 12


def test_a_mask_is_drawn_where_it_is(tiny: Make) -> None:
    run = prepare(tiny())
    dataset = run.data.train_dataset()
    labels = torch.full((1, 1, 64, 64), len(run.data.truth.classes), dtype=torch.uint8)
    labels[..., 16:32, 8:24] = 3
    sample = dataset[0, 0]
    batch = Batch(**{**sample, "image": sample["image"][None], "labels": labels, "photo": sample["photo"][None]})  # type: ignore[typeddict-item]
    picture = draw_batches([batch], run.data.truth, most=8, attributes=False).astype(int)
    # The colour of class 3 mixes 7 : 3 with the photo; it is found in the overlay's quarter alone.
    colour = class_colors(len(run.data.truth.classes))[3].astype(int)
    near = (np.abs(picture - colour).max(axis=2) < 90) & (np.ptp(picture, axis=2) > 60)
    rows, columns = np.nonzero(near[:-60])
    overlay_top = picture.shape[0] - near[:-1].shape[0]
    assert overlay_top == 1
    scale = 300 / 64
    height, width = np.ptp(rows[rows > 360]) + 1, np.ptp(columns[rows > 360]) + 1
    assert (height / scale, width / scale) == (pytest.approx(16, abs=1.5), pytest.approx(16, abs=1.5))
    assert columns[rows > 360].min() == pytest.approx(12 + 8 * scale, abs=3)


class Spoilt(ClassSegmenter):
    """Its loss is not finite."""

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        return super().training_step(batch, batch_idx) * float("nan")


class Large(ClassSegmenter):
    """Its device holds two photos."""

    def forward(self, image_BCHW: Tensor) -> Tensor:
        if len(image_BCHW) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return super().forward(image_BCHW)


def test_what_cannot_work_is_said(tiny: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(FashionError, match="the loss of the first steps is nan"):
        check_run(tiny(), task=Spoilt)
    with pytest.raises(OutOfMemory, match=r"per_device_batch=4, 2 fits, as was tried \(2 accumulated.*; give it$"):
        check_run(tiny(), task=Large)
    monkeypatch.setattr(module.shutil, "disk_usage", lambda path: type("Usage", (), {"free": 1e6}))
    with pytest.raises(FashionError, match=r"has 0.001 GB free, the run's checkpoints need 0.02"):
        check_run(tiny())


def test_fit_does_not_train_a_dry_run(tiny: Make) -> None:
    with pytest.raises(FashionError, match="fit trains: give check=true to check_run"):
        fit(tiny(check=True))
