"""Streaming rows of a CSV."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from imatfashion.data.meter import Meter
from imatfashion.data.records import Refusal
from imatfashion.data.sources.csv_rows import read_header, read_rows
from imatfashion.errors import FashionError


@pytest.fixture(autouse=True)
def _keep_the_limit() -> Iterator[None]:
    """The csv module's longest cell holds for the whole process, and a test here sets it."""
    before = csv.field_size_limit()
    yield
    csv.field_size_limit(before)


def write(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    path = folder / "rows.csv"
    path.write_bytes(text.encode(encoding))
    return path


def test_wanted_columns_in_the_wanted_order_with_lines(tmp_path: Path):
    path = write(tmp_path, 'a, b ,c\r\n1,2,3\r\n\r\n"x,\ny",5,"6"\r\n')
    assert read_header(path) == ["a", "b", "c"]
    assert list(read_rows(path, ["c", "a"])) == [(2, ["3", "1"]), (5, ["6", "x,\ny"])]


def test_a_byte_order_mark_is_no_part_of_the_first_name(tmp_path: Path):
    assert list(read_rows(write(tmp_path, "a\n1\n", "utf-8-sig"), ["a"])) == [(2, ["1"])]


def test_rows_of_another_width_are_refused_one_by_one(tmp_path: Path):
    path = write(tmp_path, "a,b\n1\n1,2\n1,2,3\n")
    # The first wanted column names the photo, where the row has a cell for it.
    for wanted, photos in (("a", ("1", "1")), ("b", ("", "2"))):
        assert list(read_rows(path, [wanted])) == [
            Refusal(2, photos[0], "the row has 1 cells, not 2"),
            (3, [{"a": "1", "b": "2"}[wanted]]),
            Refusal(4, photos[1], "the row has 3 cells, not 2"),
        ]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(alphabet='ab,"\r\n \0\u2028é', max_size=30))
def test_cells_are_those_of_the_csv_module(tmp_path: Path, text: str):
    path = write(tmp_path, f"x,y\n{text}")
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.reader(file)
        next(reader)
        wanted = [(reader.line_num, cells) for cells in reader if cells]
    for found, (line, cells) in zip(read_rows(path, ["x", "y"]), wanted, strict=True):
        if len(cells) == 2:
            assert found == (line, cells)
        else:
            assert isinstance(found, Refusal)
            assert (found.row, found.photo) == (line, re.split(r"[,\n]", cells[0])[0])


def test_a_meter_follows_the_file(tmp_path: Path):
    path, meter = write(tmp_path, "a,b\n" + ("x" * 20_000 + ",1\n") * 100), Meter()
    places = [meter.done for _ in read_rows(path, ["a"], meter)]
    assert places == sorted(places)
    assert 0 < places[0] < places[50] < meter.done == meter.total == path.stat().st_size


def test_long_cells_are_read(tmp_path: Path):
    long = "1 1 " * 100_000
    csv.field_size_limit(131_072)
    assert list(read_rows(write(tmp_path, f'a\n{long}\n"{long}"\n'), ["a"])) == [(2, [long]), (3, [long])]
    assert csv.field_size_limit() == 131_072


def test_memory_holds_one_row(tmp_path: Path):
    import tracemalloc

    path = write(tmp_path, "a,b\n" + ("x" * 20_000 + ",1\n") * 1_000)
    tracemalloc.start()
    try:
        assert sum(1 for _ in read_rows(path, ["a"])) == 1_000
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 1_000_000  # of a file of 20 MB


@pytest.mark.parametrize(
    ("text", "sentence"), [("", "is empty"), (" , \n", "is empty"), ("b\n1\n", "has no column a: its header is b")]
)
def test_faults_are_sentences(tmp_path: Path, text: str, sentence: str):
    with pytest.raises(FashionError, match=sentence):
        list(read_rows(write(tmp_path, text), ["a"]))


def test_a_missing_file_a_folder_and_other_encodings_are_sentences(tmp_path: Path):
    for path in (tmp_path / "none.csv", tmp_path):
        with pytest.raises(FashionError, match="cannot be read"):
            read_header(path)
    with pytest.raises(FashionError, match="not UTF-8"):
        list(read_rows(write(tmp_path, "a\né\n", "latin-1"), ["a"]))


@pytest.mark.parametrize(
    ("text", "row"),
    [
        ("a,b\n1,2\n" + "\0" * 5_000, 3),  # a download that broke off leaves zeros
        ("\0" * 5_000, 1),
        ("a,b\n1,2\n" + "1," * 5_000 + "\n", 3),  # no cell is too long
        ('a,b\n1,2\n"' + "\0" * 5_000, 3),
        ('a,b\n"1\n2",3\n"1\n' + "\0" * 5_000, 4),  # where the row begins
        ('a,b\n1,2\n"' + "x\n" * 5_000, 3),  # a lost quotation mark: a cell of short lines
        ('"' + "x\n" * 5_000, 1),
    ],
)
def test_a_row_without_an_end_is_a_sentence_with_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, row: int
):
    monkeypatch.setattr("imatfashion.data.sources.csv_rows._LONGEST_CELL", 1_000)
    path = write(tmp_path, text)
    with pytest.raises(FashionError) as caught:
        list(read_rows(path, ["a"]))
    assert str(caught.value) == (
        f"{path} is not a readable CSV (row {row} has more than 1000 characters): "
        "is the download complete, is no quotation mark lost?"
    )


def test_no_more_of_a_line_without_an_end_is_read_than_is_judged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    import tracemalloc

    monkeypatch.setattr("imatfashion.data.sources.csv_rows._LONGEST_CELL", 100_000)
    path = write(tmp_path, "a,b\n1,2\n" + "\0" * 20_000_000)
    tracemalloc.start()
    try:
        with pytest.raises(FashionError, match="row 3"):
            list(read_rows(path, ["a"]))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 1_000_000


def test_a_line_of_the_longest_length_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("imatfashion.data.sources.csv_rows._LONGEST_CELL", 1_000)
    for end in ("\n", "\r\n", ""):
        path = write(tmp_path, f"a,b{end or chr(10)}{'x' * 996},1{end}")
        assert list(read_rows(path, ["b"])) == [(2, ["1"])]
