from __future__ import annotations

import json
from pathlib import Path

import pytest

from imatfashion.data.split_file import SplitNames, read_split_file
from imatfashion.errors import FashionError


@pytest.mark.parametrize("text", ["b.jpg\na.jpg\n", "\ufeffb.jpg\r\n\r\n  a.jpg \r\nb.jpg", "b.jpg\na.jpg"])
def test_a_list_of_names(tmp_path: Path, text: str) -> None:
    path = tmp_path / "val.txt"
    path.write_bytes(text.encode())
    assert read_split_file(path) == SplitNames(("b.jpg", "a.jpg"))


def test_a_runs_split(tmp_path: Path) -> None:
    path = tmp_path / "split.json"
    content = {"val": ["a"], "train": ["b", "c"], "fold": 1, "folds": 3, "near_duplicates": [["b", "c"]], "groups": 2}
    path.write_text(json.dumps(content))
    assert read_split_file(path) == SplitNames(("a",), ("b", "c"), 1, 3, (("b", "c"),), 2)


def test_json_with_validation_names_alone(tmp_path: Path) -> None:
    path = tmp_path / "mine.JSON"
    path.write_text('{"val": ["a"]}')
    assert read_split_file(path) == SplitNames(("a",))


NO_SPLITS = (
    *("", "[", "[]", "3", "null", "{}", "[" * 100_000),
    *('{"val": "a"}', '{"val": [1]}', '{"train": ["a"]}', '{"val": ["a"], "train": null}'),
    *('{"val": ["a"], "folds": []}', '{"val": ["a"], "near_duplicates": 3}'),
)


@pytest.mark.parametrize("content", NO_SPLITS, ids=range(len(NO_SPLITS)))
def test_json_that_is_no_split_is_a_sentence(tmp_path: Path, content: str) -> None:
    path = tmp_path / "split.json"
    path.write_text(content)
    with pytest.raises(FashionError, match=r"split.json is not a split: a JSON file must hold"):
        read_split_file(path)


def test_a_photo_on_both_sides_is_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "split.json"
    path.write_text('{"val": ["a", "b"], "train": ["b"]}')
    with pytest.raises(FashionError, match=r"has 1 photos on both sides, such as b"):
        read_split_file(path)


def test_unreadable_files_are_sentences(tmp_path: Path) -> None:
    with pytest.raises(FashionError, match=r"cannot be read \(No such file or directory\)"):
        read_split_file(tmp_path / "none.txt")
    with pytest.raises(FashionError, match=r"cannot be read \(Is a directory\)"):
        read_split_file(tmp_path)
    (tmp_path / "photo.txt").write_bytes(b"\xff\xd8\xff")
    with pytest.raises(FashionError, match=r"cannot be read \(it is not UTF-8 text\)"):
        read_split_file(tmp_path / "photo.txt")
