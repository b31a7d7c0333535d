"""Both stages with `crop=garments` in an aspect of its own: trained, predicted with and exported."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from imatfashion.cli import app
from imatfashion.config.schema import Config, DataConfig, PredictConfig
from imatfashion.models.checkpoint import load_checkpoint
from imatfashion.predict.run import run_prediction
from imatfashion.training.fit import fit

Make = Callable[..., Config]


@pytest.fixture(autouse=True)
def one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK"):
        monkeypatch.delenv(name, raising=False)


def test_both_stages(tiny: Make, drawn: Path, tmp_path: Path) -> None:
    options = {"crop": "garments", "aspect": 2.0}
    first = tiny("classes", **options)
    fit(first)
    classes = Path(str(first.run_dir), "checkpoints", "best.ckpt")
    spec, _ = load_checkpoint(classes)
    assert (spec.crop, spec.size) == ("garments", (96, 32))
    plain = PredictConfig(classes_ckpt=str(classes), images=str(drawn / "train"), device="cpu", progress=False)
    table = tmp_path / "predicted.table"
    run_prediction(replace(plain, output=str(table)))
    second = tiny("attributes", data={"classes_from": str(table)}, **options, run_dir=str(tmp_path / "described"))
    assert isinstance(second.data, DataConfig)
    fit(second)
    described = Path(str(second.run_dir), "checkpoints", "best.ckpt")
    run_prediction(replace(plain, attributes_ckpt=str(described), output=str(tmp_path / "submission.csv")))
    rows = pd.read_csv(tmp_path / "submission.csv")
    assert rows["ImageId"].nunique() == len(list((drawn / "train").iterdir()))
    assert np.isfinite(rows["EncodedPixels"].str.split().str.len()).all()
    exported = CliRunner().invoke(
        app,
        [
            *("export", str(classes), str(tmp_path / "fashion.onnx"), "--attributes", str(described)),
            *("--photos", str(drawn / "train"), "--checks", "2"),
        ],
    )
    assert exported.exit_code == 0, exported.stderr
    card = next(path for path in tmp_path.rglob("*.md") if "fashion" in path.name).read_text(encoding="utf-8")
    assert "uint8 (photos, 96, 32, 3)" in card
    assert "in which it found garments" in card
