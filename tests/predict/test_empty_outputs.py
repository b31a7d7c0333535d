"""An output that is there and empty, or old, is not taken for one that was just written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from imatfashion.config.schema import PredictConfig
from imatfashion.data.annotations import Annotations
from imatfashion.predict.run import run_prediction

Make = Callable[..., PredictConfig]


@pytest.mark.parametrize("shards", [1, 2])
@pytest.mark.parametrize(("output", "format"), [("pngs", "png"), ("e.table", "table")])
def test_an_empty_folder_is_filled(config: Make, tmp_path: Path, output: str, format: str, shards: int) -> None:
    (tmp_path / output).mkdir()
    outs = [run_prediction(config(output, format=format, shard=f"{shard}/{shards}")) for shard in range(shards)]
    assert [out.name for out in outs[:-1]] == [f"{output}.part-0-of-2"] * (shards - 1)
    assert outs[-1] == tmp_path / output
    assert [path.name for path in tmp_path.iterdir()] == [output]
    if format == "png":
        assert len(list((tmp_path / output).rglob("*.png"))) == 7
    else:
        assert len(Annotations(tmp_path / output)) == 7


def test_a_shard_beside_an_old_file_says_that_others_are_missing(
    config: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    run_prediction(config())
    capsys.readouterr()
    assert run_prediction(config(shard="0/2")).name == "submission.csv.part-0-of-2"
    assert "shard 0 of 2 is done; the last one to finish writes" in capsys.readouterr().err
