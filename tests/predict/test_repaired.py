"""The same names, other photos: a prediction that is there is told from the one that is wanted."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from imatfashion.config.schema import PredictConfig
from imatfashion.data.annotations import Annotations
from imatfashion.errors import FashionError
from imatfashion.predict.fingerprint import hash_sizes
from imatfashion.predict.images import Photo
from imatfashion.predict.run import run_prediction

Make = Callable[..., PredictConfig]
OTHER_SIZES = r"photos of the same names and other file sizes"


@pytest.fixture
def mine(tmp_path: Path, photos: Path) -> Path:
    """Two photos, the second one truncated."""
    folder = tmp_path / "mine"
    folder.mkdir()
    shutil.copy(photos / "a.jpg", folder / "a.jpg")
    (folder / "p1.jpg").write_bytes((photos / "e.jpg").read_bytes()[:400])
    return folder


def test_a_repaired_photo_does_not_bring_the_old_table_back(config: Make, mine: Path, photos: Path) -> None:
    settings = config("x.table", images=str(mine))
    table = run_prediction(settings)
    shutil.copy(photos / "e.jpg", mine / "p1.jpg")
    with pytest.raises(FashionError, match=rf"x\.table is there already, made with {OTHER_SIZES}.*; remove it"):
        run_prediction(settings)
    shutil.rmtree(table)
    run_prediction(settings)
    assert Annotations(table).meta["unreadable"] == []


def test_a_photo_of_the_same_size_that_can_be_read_now_is_told(config: Make, photos: Path, mine: Path) -> None:
    whole = (photos / "e.jpg").read_bytes()
    (mine / "p1.jpg").write_bytes(bytes(len(whole)))
    settings = config("x.table", images=str(mine))
    table = run_prediction(settings)
    (mine / "p1.jpg").write_bytes(whole)
    with pytest.raises(
        FashionError,
        match=r"x\.table was made when p1\.jpg could not be read, and it can be read now; remove it to predict",
    ):
        run_prediction(settings)
    assert Annotations(table).meta["unreadable"] == ["p1.jpg"]


def test_a_photo_that_is_broken_still_is_told_again(
    config: Make, mine: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = config("x.table", images=str(mine))
    run_prediction(settings)
    first = capsys.readouterr().err
    assert "1 of 2 photos could not be read and have no garments:\n  p1.jpg: it is truncated" in first
    run_prediction(settings)
    assert capsys.readouterr().err == first


def test_a_table_of_another_folder_with_the_same_names(config: Make, mine: Path, photos: Path, tmp_path: Path) -> None:
    run_prediction(config("x.table", images=str(mine)))
    other = tmp_path / "other"
    other.mkdir()
    for name, source in (("a.jpg", "e.jpg"), ("p1.jpg", "g.jpg")):
        shutil.copy(photos / source, other / name)
    with pytest.raises(FashionError, match=OTHER_SIZES):
        run_prediction(config("x.table", images=str(other)))
    # A copy is the same.
    shutil.copytree(mine, tmp_path / "copy")
    assert run_prediction(config("x.table", images=str(tmp_path / "copy"))) == tmp_path / "x.table"


def test_a_table_of_other_settings_says_which(config: Make, mine: Path) -> None:
    table = run_prediction(config("x.table", images=str(mine)))
    with pytest.raises(FashionError, match=r"made with other settings \(components\); remove it or change output="):
        run_prediction(config("x.table", images=str(mine), components="no"))
    meta = json.loads((table / "meta.json").read_text())
    meta["made_by"] = {"version": 2}
    (table / "meta.json").write_text(json.dumps(meta))
    with pytest.raises(FashionError, match=r"made with the settings of another version of imatfashion; remove it"):
        run_prediction(config("x.table", images=str(mine)))


def test_shards_of_another_folder_are_not_mixed(config: Make, mine: Path, photos: Path) -> None:
    run_prediction(config(images=str(mine), shard="0/2"))
    shutil.copy(photos / "e.jpg", mine / "p1.jpg")
    with pytest.raises(
        FashionError, match=rf"part-0-of-2 is an unfinished prediction with {OTHER_SIZES}.*; finish it with those"
    ):
        run_prediction(config(images=str(mine), shard="0/2"))
    with pytest.raises(FashionError, match=OTHER_SIZES):
        run_prediction(config(images=str(mine), shard="1/2"))


def test_what_is_no_file_has_no_size(tmp_path: Path, photos: Path) -> None:
    gone = [Photo("a.jpg", tmp_path / "a.jpg"), Photo("b.jpg", tmp_path / ("x" * 5000))]
    before = hash_sizes(gone)
    (tmp_path / "a.jpg").mkdir()
    assert hash_sizes(gone) == before
    (tmp_path / "a.jpg").rmdir()
    (tmp_path / "a.jpg").symlink_to(photos / "a.jpg")
    assert hash_sizes(gone) != before
