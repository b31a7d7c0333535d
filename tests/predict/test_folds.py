from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from imatfashion.config.schema import PredictConfig
from imatfashion.data.annotations import Annotations
from imatfashion.errors import FashionError
from imatfashion.predict.predictor import Predictor
from imatfashion.predict.run import run_prediction
from imatfashion.predict.settings import Settings

FOLDS = {"0": ["a.jpg", "e.jpg", "b.png"], "1": ["g.jpg", "sub/f.jpg", "not_here.jpg"]}
Make = Callable[..., PredictConfig]


@pytest.fixture
def sweep(tmp_path: Path, classes_ckpt: Path) -> Path:
    """Two folds with different weights."""
    from torch import load, save

    folder = tmp_path / "sweep"
    for name, val in FOLDS.items():
        (folder / name / "checkpoints").mkdir(parents=True)
        (folder / name / "split.json").write_text(json.dumps({"val": val, "train": []}))
        shutil.copy(classes_ckpt, folder / name / "checkpoints" / "best.ckpt")
        (folder / name / "summary.json").write_text(json.dumps({"best": 0.5}))
    content = load(classes_ckpt, weights_only=True)
    for tensor in content["state_dict"].values():
        if tensor.is_floating_point():
            tensor.neg_()
    save(content, folder / "1" / "checkpoints" / "best.ckpt")
    return folder


def test_each_fold_predicts_its_own_validation_photos(
    config: Make, sweep: Path, photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = Annotations(run_prediction(config("out.table", classes_ckpt=str(sweep))))
    assert sorted(table.name(photo) for photo in range(len(table))) == ["a.jpg", "b.png", "e.jpg", "g.jpg", "sub/f.jpg"]
    assert "2 of 7 photos are in no fold" in capsys.readouterr().err
    checkpoints = [sweep / name / "checkpoints" / "best.ckpt" for name in FOLDS]
    assert table.meta["checkpoint"] == [hashlib.sha256(path.read_bytes()).hexdigest() for path in checkpoints]
    for checkpoint, names in zip(checkpoints, FOLDS.values(), strict=True):
        predictor = Predictor.load(checkpoint, device="cpu")
        for name in (name for name in names if name != "not_here.jpg"):
            index = table.find(name)
            assert index is not None
            expected = predictor(photos / name, Settings(side=64)).result.garments
            found = [table.runs(garment) for garment in table.garments(index)]
            assert len(found) == len(expected)
            for runs, garment in zip(found, expected, strict=True):
                np.testing.assert_array_equal(runs.starts, garment.runs.starts)


def test_shards_of_folds(config: Make, sweep: Path) -> None:
    whole = run_prediction(config("whole.csv", classes_ckpt=str(sweep))).read_bytes()
    outs = [run_prediction(config("parts.csv", classes_ckpt=str(sweep), shard=f"{shard}/2")) for shard in range(2)]
    assert outs[1].read_bytes() == whole


def test_faults_of_a_sweep(config: Make, sweep: Path, tmp_path: Path, photos: Path) -> None:
    def refused(sentence: str, folder: Path = sweep, **changes: object) -> None:
        with pytest.raises(FashionError, match=sentence):
            run_prediction(config("out.table", classes_ckpt=str(folder), **changes))

    refused("a run directory", sweep / "0")
    (tmp_path / "empty").mkdir()
    refused("a folder without runs", tmp_path / "empty")
    refused("none of the 1 photos", images=str(photos / "c, d.jpg"))
    (sweep / "1" / "split.json").write_text(json.dumps({"val": ["a.jpg"]}))
    refused("validation photo of both")
    (sweep / "1" / "checkpoints" / "best.ckpt").unlink()
    refused("has no checkpoints/best.ckpt")


def test_an_unfinished_fold_is_refused(config: Make, sweep: Path) -> None:
    """The best checkpoint is there after the first epoch."""
    fold = sweep / "1"
    (fold / "summary.json").unlink()
    for folds in ("own", "ensemble"):
        with pytest.raises(FashionError) as refused:
            run_prediction(config("out.table", classes_ckpt=str(sweep), folds=folds))
        assert str(refused.value) == (
            f"the fold {fold} has no summary.json, which training writes at its end; finish it (resume={fold}) or "
            "remove it"
        )


@pytest.mark.parametrize("state", ["running", "failed", "stopped", "pruned"])
def test_a_job_that_is_not_done_is_refused(config: Make, sweep: Path, state: str) -> None:
    fold = sweep / "0"
    for run in (fold, sweep / "1"):
        (run / "job.json").write_text(json.dumps({"overrides": ["data.fold=0"], "state": "done"}))
    run_prediction(config("done.table", classes_ckpt=str(sweep)))
    (fold / "job.json").write_text(json.dumps({"overrides": ["data.fold=0"], "state": state}))
    with pytest.raises(FashionError) as refused:
        run_prediction(config("out.table", classes_ckpt=str(sweep)))
    assert str(refused.value) == (
        f"the fold {fold} is {state}, as its job.json says; finish it (resume={fold}) or remove it"
    )
    # Finished by hand: the sweep's own file still says what it was, the report is a run's last file.
    (fold / "report.html").write_text("")
    run_prediction(config("out.table", classes_ckpt=str(sweep)))
