"""What `make faults` keeps of its rows, so that a call that is cut short has not tried in vain."""

from __future__ import annotations

from pathlib import Path

from faults.rows import Row, keep_row, page, read_rows


def test_rows_are_kept_as_they_come(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    rows = {"a": Row("killed: a", 3, "3 SIGKILL", seconds=90.0), "b": Row("disk full: b", 2, "…", ("x",), ("y",), 30.0)}
    assert read_rows(path) == {}
    for name, row in rows.items():
        keep_row(path, name, row)
    found = read_rows(path)
    text = page(list(found.values()), seed=5)
    assert text == page(list(rows.values()), seed=5)
    assert "Seed 5; 5 tries in 2 minutes." in text
    assert "| disk full: b | 2 | … | **1**: x |" in text
