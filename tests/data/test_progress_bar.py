"""The bar of `imatfashion index`: seen at a terminal, silent elsewhere."""

from __future__ import annotations

import io
from pathlib import Path

from rich.console import Console

from imatfashion.data.meter import Meter
from imatfashion.data.progress_bar import progress_bar


def told(*, terminal: bool) -> str:
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=terminal, width=100)
    with progress_bar("reading annotations", console) as progress:
        progress(1_000_000, 2_600_000)
    return stream.getvalue()


def test_bytes_read_and_in_all_are_shown_at_a_terminal():
    text = told(terminal=True)
    assert "reading annotations" in text
    assert "1.0/2.6 MB" in text


def test_nothing_is_written_elsewhere():
    assert told(terminal=False) == ""


def test_a_meter_counts_the_sizes_of_files(tmp_path: Path):
    paths = [tmp_path / name for name in "abc"]
    for size, path in enumerate(paths, start=1):
        path.write_bytes(b"x" * size)
    meter = Meter()
    assert [meter.done for _ in meter.count(paths)] == [0, 1, 3]
    assert meter.done == meter.total == 6
