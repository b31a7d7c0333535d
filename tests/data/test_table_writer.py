"""Writing tables: sorted by photo, complete or absent, safe in a race."""

from __future__ import annotations

import multiprocessing
import os
import time
from pathlib import Path

import numpy as np
import pytest

from imatfashion.data.annotations import Annotations
from imatfashion.data.labels import Labels
from imatfashion.data.table.files import remove_abandoned
from imatfashion.data.table.writer import TableWriter
from imatfashion.errors import FashionError
from imatfashion.masks.runs import from_arrays

CLASSES = Labels((3, 5), ("coat", "hat"), ("", ""))
ATTRIBUTES = Labels((1,), ("red",), ("colour",))


def write(out: Path, photos: int = 2, replace: bool = False) -> Path:
    with TableWriter(out, classes=CLASSES, attributes=ATTRIBUTES, meta={"kind": "test"}, replace=replace) as writer:
        for index in range(photos):
            writer.photo(f"{index}.jpg", 4, 4)
            writer.garment(f"{index}.jpg", index % 2, None, from_arrays([index % 9], [2]))
    return out


def test_garments_are_sorted_by_photo_and_keep_their_runs(tmp_path: Path):
    rng = np.random.default_rng(0)
    wanted: dict[str, list[tuple[int, list[int]]]] = {}
    with TableWriter(tmp_path / "a.table", classes=CLASSES, attributes=ATTRIBUTES, meta={}) as writer:
        for row in range(200):
            name = f"{rng.integers(20)}.jpg"
            starts = sorted(rng.choice(50, rng.integers(0, 5), replace=False).tolist())
            writer.photo(name, 100, 1)
            writer.garment(name, row % 2, [0] if row % 3 else None, from_arrays(starts, [1] * len(starts)), row, 0.5)
            wanted.setdefault(name, []).append((row, starts))
    table = Annotations(tmp_path / "a.table")
    assert [table.name(i) for i in range(len(table))] == list(wanted)
    for photo, garments in enumerate(wanted.values()):
        found = [(int(table.garment_row[g]), table.runs(g).starts.tolist()) for g in table.garments(photo)]
        assert found == garments
    np.testing.assert_array_equal(table.garment_class, table.garment_row % 2)
    np.testing.assert_array_equal(table.garment_attributes[:, 0], table.garment_row % 3 != 0)
    assert (np.diff(table.garment_photo) >= 0).all()
    assert (table.garment_score == 0.5).all()


def test_a_table_without_garments_or_photos_opens(tmp_path: Path):
    with TableWriter(tmp_path / "a.table", classes=CLASSES, attributes=ATTRIBUTES, meta={}) as writer:
        writer.photo("x.jpg", 3, 3)
    table = Annotations(tmp_path / "a.table")
    assert (len(table), list(table.garments(0)), table.garment_attributes.shape) == (1, [], (0, 1))
    assert len(Annotations(write(tmp_path / "b.table", photos=0))) == 0


def test_an_error_leaves_nothing_behind(tmp_path: Path):
    with (
        pytest.raises(KeyError),
        TableWriter(tmp_path / "a.table", classes=CLASSES, attributes=ATTRIBUTES, meta={}) as writer,
    ):
        writer.garment("never registered.jpg", 0, None, from_arrays([], []))
    assert list(tmp_path.iterdir()) == []


def test_a_table_that_is_there_stays_unless_replaced(tmp_path: Path):
    out = write(tmp_path / "a.table", photos=2)
    before = Annotations(out)
    write(out, photos=3)
    assert len(Annotations(out)) == 2
    write(out, photos=3, replace=True)
    assert len(Annotations(out)) == 3
    # What was open before goes on reading the files it had.
    assert before.runs(1).starts.tolist() == [1]
    assert [path.name for path in tmp_path.iterdir()] == ["a.table"]


def test_a_folder_that_is_no_table_is_never_replaced(tmp_path: Path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    with pytest.raises(FashionError, match="cannot be put at"):
        write(tmp_path / "mine", replace=True)
    assert (tmp_path / "mine" / "letter.txt").read_text() == "dear"


def test_a_place_that_cannot_be_written_is_a_sentence(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(FashionError, match="cannot be written"):
        write(tmp_path / "file" / "a.table")


def test_what_a_killed_builder_left_is_removed_after_a_day(tmp_path: Path):
    old, new = tmp_path / ".a.table.building-1-x", tmp_path / ".a.table.building-2-x"
    for folder in (old, new):
        folder.mkdir()
        (folder / "run_starts.npy").write_bytes(b"")
    then = time.time() - 2 * 24 * 3600
    os.utime(old / "run_starts.npy", (then, then))
    os.utime(old, (then, then))
    (tmp_path / ".a.table.building-3-x").write_text("no folder")
    write(tmp_path / "a.table")
    assert not old.exists()
    assert new.exists()


def test_a_builder_that_ends_while_its_folder_is_looked_at_is_no_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    other, done = tmp_path / ".a.table.building-1-x", tmp_path / "b.table"
    other.mkdir()
    for name in ("meta.json", "run_starts.npy"):
        (other / name).write_bytes(b"")
        os.utime(other / name, (1e9, 1e9))
    os.utime(other, (1e9, 1e9))
    stat = Path.stat

    def late(path: Path, **options: bool) -> os.stat_result:
        if path.parent == other and other.exists():
            other.rename(done)
        return stat(path, **options)

    monkeypatch.setattr(Path, "stat", late)
    remove_abandoned(tmp_path / "a.table")
    monkeypatch.undo()
    assert sorted(path.name for path in done.iterdir()) == ["meta.json", "run_starts.npy"]


def test_two_processes_at_once_both_end_with_the_table(tmp_path: Path):
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=write, args=(tmp_path / "a.table", 500)) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0, 0]
    assert len(Annotations(tmp_path / "a.table")) == 500
    assert [path.name for path in tmp_path.iterdir()] == ["a.table"]
