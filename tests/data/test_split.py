from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from imatfashion.config.schema import DataConfig
from imatfashion.data.annotations import Annotations
from imatfashion.data.labels import Labels
from imatfashion.data.split import Split, make_split, save_split
from imatfashion.data.table.writer import TableWriter
from imatfashion.errors import FashionError
from imatfashion.masks.runs import from_arrays

CLASSES = Labels((3, 5, 9, 12), ("shirt", "coat", "shoe", "pocket"), ("", "", "", ""))
ATTRIBUTES = Labels((0, 4, 7), ("striped", "long", "dotted"), ("", "", ""))
MASK = from_arrays([0], [5])


def _table(out: Path, names: list[str], *, groups: dict[str, str] | None = None, photo_dir: str | None = None) -> Path:
    """A table whose garments depend on the name alone."""
    meta = {"photo_dir": photo_dir} if photo_dir else {}
    with TableWriter(out, classes=CLASSES, attributes=ATTRIBUTES, meta=meta) as writer:
        for name in names:
            rng = np.random.default_rng(list(name.encode()))
            writer.photo(name, 30, 20)
            for category in np.flatnonzero(rng.random(4) < [0.9, 0.4, 0.5, 0.04]).tolist():
                attributes = np.flatnonzero(rng.random(3) < [0.3, 0.1, 0.02]).tolist() if category < 2 else None
                writer.garment(name, category, attributes, MASK, group=(groups or {}).get(name, ""))
    return out


NAMES = [f"{i // 4:03}_{i % 4}.jpg" for i in range(400)]


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Annotations:
    return Annotations(_table(tmp_path_factory.mktemp("tables") / "a.table", NAMES))


def _sides(annotations: Annotations, split: Split) -> tuple[set[str], set[str]]:
    train, val = ({annotations.name(i) for i in side.tolist()} for side in (split.train, split.val))
    return train, val


def _assert_whole(split: Split, photos: int) -> None:
    both = np.concatenate([split.train, split.val])
    np.testing.assert_array_equal(np.sort(both), np.arange(photos))
    assert split.train.dtype == split.val.dtype == np.int64
    assert (np.diff(split.train) > 0).all()
    assert (np.diff(split.val) > 0).all()


def test_single_split_covers_everything_and_keeps_its_share(table: Annotations) -> None:
    split = make_split(table, DataConfig(val_fraction=0.25), 0)
    _assert_whole(split, 400)
    assert abs(len(split.val) - 100) <= 3
    assert (split.fold, split.folds, split.groups, split.near_duplicates) == (0, 0, 400, ())


def test_classes_and_known_attributes_are_balanced(table: Annotations) -> None:
    split = make_split(table, DataConfig(), 0)
    in_val = np.isin(table.garment_photo, split.val)
    for category in range(4):
        garments = table.garment_class == category
        assert abs(in_val[garments].sum() - 0.2 * garments.sum()) <= 2
        for attribute in range(3):
            have = garments & table.garment_attributes[:, attribute]
            assert abs(in_val[have].sum() - 0.2 * have.sum()) <= 2


def test_folds_are_disjoint_and_cover_everything(table: Annotations) -> None:
    splits = [make_split(table, DataConfig(folds=4, fold=k), 3) for k in range(4)]
    for k, split in enumerate(splits):
        _assert_whole(split, 400)
        assert (split.fold, split.folds, split.seed) == (k, 4, 3)
    np.testing.assert_array_equal(np.sort(np.concatenate([split.val for split in splits])), np.arange(400))


def test_same_seed_same_split_another_seed_another(table: Annotations) -> None:
    first, again, other = (make_split(table, DataConfig(), seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.val, again.val)
    assert set(first.val.tolist()) != set(other.val.tolist())


def test_what_is_trained_on_and_the_order_of_rows_have_no_say(table: Annotations, tmp_path: Path) -> None:
    shuffled = Annotations(_table(tmp_path / "b.table", [NAMES[i] for i in np.random.default_rng(0).permutation(400)]))
    for extra in ({}, {"classes_from": "pred.table", "unlabelled_attributes": "negative"}):
        for folds in (0, 3):
            config = DataConfig(folds=folds, group_by=r"^(\d+)_", **extra)
            expected = _sides(table, make_split(table, DataConfig(folds=folds, group_by=r"^(\d+)_"), 5))
            assert _sides(table, make_split(table, config, 5)) == expected
            assert _sides(shuffled, make_split(shuffled, config, 5)) == expected


def test_a_regex_keeps_the_views_of_an_article_together(table: Annotations) -> None:
    split = make_split(table, DataConfig(group_by=r"^(\d+)_"), 0)
    train, val = ({name[:3] for name in side} for side in _sides(table, split))
    assert not train & val
    assert split.groups == 100
    assert abs(len(split.val) - 80) <= 4


def test_a_column_keeps_its_groups_together(tmp_path: Path) -> None:
    groups = {name: f"article {i % 37}" for i, name in enumerate(NAMES)}
    annotations = Annotations(_table(tmp_path / "a.table", NAMES, groups=groups))
    split = make_split(annotations, DataConfig(group_by="article_id"), 0)
    # A photo without any garment has no row, and so no group.
    with_rows = set(annotations.garment_photo.tolist())
    train, val = (
        {groups[annotations.name(i)] for i in side.tolist() if i in with_rows} for side in (split.train, split.val)
    )
    assert not train & val


def test_near_duplicates_stay_together_and_are_told(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    (tmp_path / "train").mkdir()
    for i in range(0, 80, 2):
        scene = cv2.resize(rng.integers(0, 256, (16, 12, 3), dtype=np.uint8), (180, 240), interpolation=cv2.INTER_CUBIC)
        assert cv2.imwrite(str(tmp_path / "train" / NAMES[i]), scene)
        copy = cv2.convertScaleAbs(scene[::2, ::2], alpha=1.05, beta=4)
        assert cv2.imwrite(str(tmp_path / "train" / NAMES[i + 1]), copy, [cv2.IMWRITE_JPEG_QUALITY, 60])
    (tmp_path / "train" / NAMES[79]).write_bytes(b"no photo")
    annotations = Annotations(_table(tmp_path / "a.table", NAMES[:80], photo_dir="../train"))
    told: list[str] = []
    split = make_split(annotations, DataConfig(), 0, progress=told.append)
    assert split.near_duplicates == tuple((NAMES[i], NAMES[i + 1]) for i in range(0, 78, 2))
    assert split.groups == 41
    _, val = _sides(annotations, split)
    assert all((a in val) == (b in val) for a, b in split.near_duplicates)
    assert len(told) == 1
    without = make_split(annotations, DataConfig(near_duplicates=False), 0)
    assert (without.near_duplicates, without.groups) == ((), 80)


def test_saved_and_read_back(table: Annotations, tmp_path: Path) -> None:
    split = make_split(table, DataConfig(folds=5, fold=2), 9)
    path = tmp_path / "split.json"
    save_split(split, table, path)
    assert [file.name for file in tmp_path.iterdir()] == ["split.json"]
    content = json.loads(path.read_text())
    assert set(content) == {"train", "val", "fold", "folds", "seed", "near_duplicates", "groups"}
    assert (set(content["train"]), set(content["val"])) == _sides(table, split)
    back = make_split(table, DataConfig(split_file=str(path)), 9)
    np.testing.assert_array_equal(back.train, split.train)
    np.testing.assert_array_equal(back.val, split.val)
    assert (back.fold, back.folds, back.groups) == (2, 5, 400)


def test_a_list_of_names_leaves_the_others_for_training(table: Annotations, tmp_path: Path) -> None:
    path = tmp_path / "val.txt"
    path.write_text("\n".join(NAMES[5:25]))
    split = make_split(table, DataConfig(split_file=str(path)), 0)
    assert split.val.tolist() == list(range(5, 25))
    _assert_whole(split, 400)


@pytest.mark.parametrize("ending", [".txt", ".json"])
def test_a_list_that_tears_groups_is_followed_with_a_warning(
    table: Annotations, tmp_path: Path, caplog: pytest.LogCaptureFixture, ending: str
) -> None:
    path = tmp_path / f"val{ending}"
    # It tears the second and the seventh article.
    both = {"val": NAMES[5:25], "train": [*NAMES[:5], *NAMES[25:]]}
    path.write_text("\n".join(both["val"]) if ending == ".txt" else json.dumps(both), encoding="utf-8")
    with caplog.at_level(logging.WARNING):
        split = make_split(table, DataConfig(split_file=str(path), group_by=r"^(\d+)_"), 0)
    assert split.val.tolist() == list(range(5, 25))
    assert "4 training photos are near-duplicates or of the group of validation photos" in caplog.text


def test_limit_takes_a_few_of_each_side(table: Annotations) -> None:
    whole, few = (make_split(table, DataConfig(limit=limit), 0) for limit in (None, 30))
    assert (len(few.train), len(few.val)) == (30, 30)
    assert set(few.train.tolist()) < set(whole.train.tolist())
    assert set(few.val.tolist()) < set(whole.val.tolist())
    np.testing.assert_array_equal(make_split(table, DataConfig(limit=30), 0).val, few.val)
    assert len(make_split(table, DataConfig(limit=10_000), 0).train) == len(whole.train)


def _write(folder: Path, text: str) -> str:
    path = folder / "val.txt"
    path.write_text(text)
    return str(path)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (
            lambda d: DataConfig(split_file=_write(d, "x.jpg\n000_0.jpg\ny.jpg")),
            r"names 2 photo\(s\) .* first is x.jpg",
        ),
        (lambda d: DataConfig(split_file=_write(d, "")), r"leaves no photo for validation"),
        (lambda d: DataConfig(split_file=_write(d, "\n".join(NAMES))), r"leaves no photo for training"),
        (lambda d: DataConfig(group_by="jpg"), r"400 photos of .* form 1 group\(s\), too few for 2 parts"),
        (lambda d: DataConfig(folds=300, group_by=r"^(\d+)_"), r"form 100 group\(s\), too few for 300 parts"),
        (lambda d: DataConfig(group_by="("), r"nor a valid regular expression"),
        (lambda d: DataConfig(group_by="sku"), r"data.group_by='sku' is neither a column"),
    ],
)
def test_faults_are_sentences(
    table: Annotations, tmp_path: Path, config: Callable[[Path], DataConfig], message: str
) -> None:
    with pytest.raises(FashionError, match=message):
        make_split(table, config(tmp_path), 0)


def test_tables_of_one_photo_and_of_none_are_sentences(tmp_path: Path) -> None:
    for names in ([], NAMES[:1]):
        annotations = Annotations(_table(tmp_path / f"{len(names)}.table", names))
        with pytest.raises(FashionError, match=r"too few for 2 parts"):
            make_split(annotations, DataConfig(), 0)


def test_two_photos_are_enough(tmp_path: Path) -> None:
    split = make_split(Annotations(_table(tmp_path / "a.table", NAMES[:2])), DataConfig(), 0)
    assert (len(split.train), len(split.val)) == (1, 1)
