"""Streaming a JSON object's lists, against the standard library's reader."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imatfashion.data.sources import json_items as module
from imatfashion.data.sources.json_items import json_items
from imatfashion.errors import FashionError

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize("chunk", [1, 7, 2**20])
def test_items_equal_those_of_the_standard_reader(tmp_path: Path, chunk: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "_CHUNK", chunk)
    path = tmp_path / "x.json"

    @given(
        st.dictionaries(
            st.sampled_from(
                ["a", "b", "c", 'ü"'],
            ),
            VALUES,
            max_size=4,
        ),
        st.sampled_from([None, 1]),
        st.booleans(),
    )
    def check(content: dict[str, object], indent: int | None, ascii_only: bool):
        path.write_text(json.dumps(content, indent=indent, ensure_ascii=ascii_only), encoding="utf-8")
        lists = [key for key, value in content.items() if isinstance(value, list)]
        wanted = [(key, item) for key in lists for item in content[key]]  # type: ignore[attr-defined]
        assert list(json_items(path, lists)) == wanted

    check()


def test_memory_holds_an_item(tmp_path: Path):
    import tracemalloc

    path = tmp_path / "x.json"
    path.write_text('{"skip": [' + ",".join(['"' + "x" * 20_000 + '"'] * 1_000) + '], "a": [1, 2]}')
    tracemalloc.start()
    try:
        assert list(json_items(path, ["a"])) == [("a", 1), ("a", 2)]
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 8_000_000  # of a file of 20 MB


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "  ",
            "[]",
            "3",
            "{",
            '{"a"',
            '{"a":',
            '{"a": [1',
            '{"a": [1,',
            '{"a": [1 2]}',
            '{"a": 5}',
            '{"a": [tru]}',
        ),
        *('{"a": [1]', '{"a": [1],', '{"b": {"x": }}', "{a: []}"),
        '{"a": [' + "[" * 100_000,
        '{"a": [' + "9" * 5_000 + "]}",
    ],
)
def test_anything_else_is_a_sentence(tmp_path: Path, text: str):
    path = tmp_path / "x.json"
    path.write_text(text)
    with pytest.raises(FashionError, match="is not a valid COCO JSON file"):
        list(json_items(path, ["a"]))


def test_a_character_that_cannot_be_printed_is_shown_as_an_escape(tmp_path: Path):
    path = tmp_path / "x.json"
    path.write_text('{"a"\x1b[2J')
    with pytest.raises(FashionError, match=r"':' expected where '\\x1b' stands"):
        list(json_items(path, ["a"]))


def test_a_missing_file_and_another_encoding(tmp_path: Path):
    with pytest.raises(FashionError, match="cannot be read"):
        list(json_items(tmp_path / "none.json", ["a"]))
    (tmp_path / "x.json").write_bytes(b'{"a": ["\xff"]}')
    with pytest.raises(FashionError, match="not UTF-8"):
        list(json_items(tmp_path / "x.json", ["a"]))
