"""The label file: gaps in ids, and every fault as one sentence."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from imatfashion.data.labels import read_labels
from imatfashion.errors import FashionError


def write(folder: Path, content: object) -> Path:
    path = folder / "labels.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def test_ids_may_have_gaps_and_any_order(tmp_path: Path):
    categories = [{"id": 7, "name": "hat", "supercategory": "head"}, {"id": 2, "name": "coat"}]
    classes, attributes = read_labels(write(tmp_path, {"categories": categories}))
    assert (classes.ids, classes.names, classes.groups) == ((2, 7), ("coat", "hat"), ("", "head"))
    assert (classes.index(7), classes.index(3), len(attributes)) == (1, None, 0)


@pytest.mark.parametrize(("year", "classes", "attributes"), [(2019, 46, 92), (2020, 46, 294)])
def test_the_competitions_own_files(shared: Path, year: int, classes: int, attributes: int):
    found = read_labels(shared / "data" / "labels" / f"label_descriptions_{year}.json")
    assert (len(found[0]), len(found[1])) == (classes, attributes)
    assert found[1].ids[-1] == (91 if year == 2019 else 340)


def test_a_byte_order_mark_is_no_fault(tmp_path: Path):
    path = tmp_path / "labels.json"
    path.write_text('{"categories": [{"id": 0, "name": "coat"}]}', encoding="utf-8-sig")
    assert read_labels(path)[0].names == ("coat",)


ONE = {"id": 0, "name": "coat"}


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("{", "is not valid JSON"),
        ("", "is not valid JSON"),
        ("[" * 100_000, "is not valid JSON"),
        ([ONE], "has no list 'categories'"),
        ({"attributes": []}, "has no list 'categories'"),
        ({"categories": {}}, "'categories' of the label file"),
        ({"categories": []}, "is empty"),
        ({"categories": [3]}, "item 0 of 'categories'"),
        ({"categories": [ONE, {"name": "x"}]}, "item 1 of 'categories' in {path} has no 'id'"),
        ({"categories": [{"id": 0}]}, "has no 'name'"),
        ({"categories": [ONE, ONE]}, "the id 0 occurs twice in 'categories'"),
        ({"categories": [{"id": "0", "name": "x"}]}, "has the id '0': ids are whole numbers"),
        ({"categories": [{"id": 1.0, "name": "x"}]}, "has the id 1.0"),
        ({"categories": [{"id": True, "name": "x"}]}, "has the id True"),
        ({"categories": [{"id": -1, "name": "x"}]}, "has the id -1"),
        ({"categories": [{"id": 0, "name": 5}]}, "has the name 5"),
        ({"categories": [ONE], "attributes": [ONE, ONE]}, "the id 0 occurs twice in 'attributes'"),
        ({"categories": [{"id": i, "name": "x"} for i in range(255)]}, "has 255 categories"),
    ],
)
def test_faults_are_sentences(tmp_path: Path, content: object, sentence: str):
    path = write(tmp_path, content)
    with pytest.raises(FashionError) as caught:
        read_labels(path)
    assert sentence.replace("{path}", str(path)) in str(caught.value)


def test_a_missing_file_and_one_that_is_not_text(tmp_path: Path):
    with pytest.raises(FashionError, match="cannot be read"):
        read_labels(tmp_path / "none.json")
    (tmp_path / "labels.json").write_bytes(b'{"categories": "\xff"}')
    with pytest.raises(FashionError, match="not UTF-8"):
        read_labels(tmp_path / "labels.json")
