"""Files, disk and memory that a run takes."""

from __future__ import annotations

import gc
import mmap
import multiprocessing
import sys
from multiprocessing.synchronize import Event
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from imatfashion.training.usage import folder_usage, largest_part, memory_gb

SIZE = 100_000_000
linux = pytest.mark.skipif(sys.platform != "linux", reason="other systems tell the peak of one process alone")


def test_files_and_their_sizes(tmp_path: Path) -> None:
    assert folder_usage(tmp_path / "absent") == (0, 0.0)
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "one").write_bytes(b"x" * 10)
    (tmp_path / "a" / "two").write_bytes(b"x" * 20)
    (tmp_path / "a" / "b" / "three").write_bytes(b"x" * 30)
    assert folder_usage(tmp_path) == (3, pytest.approx(60e-9))
    assert largest_part(tmp_path) == " (most of them in a)"
    assert largest_part(tmp_path / "a" / "b") == ""


def taken(size: int) -> npt.NDArray[np.uint8]:
    """Memory of the process's own, from the kernel: an allocator may have kept some that counts already."""
    pages = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    held = np.frombuffer(pages, dtype=np.uint8)
    held[:] = 1
    return held


@linux
def test_memory_of_this_process() -> None:
    before = memory_gb()
    held = taken(SIZE)
    assert memory_gb() - before == pytest.approx(held.nbytes / 1e9, abs=0.01)
    del held
    assert memory_gb() - before < 0.01


@linux
def test_pages_of_files_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "table").write_bytes(bytes(SIZE))
    before = memory_gb()
    with (tmp_path / "table").open("rb") as file:
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        assert np.frombuffer(mapped, dtype=np.uint8).sum() == 0
        assert memory_gb() - before < 0.01
        mapped.close()


def hold(extra: int, ready: Event, done: Event) -> None:
    held = taken(extra)
    ready.set()
    done.wait(30)
    del held


def with_child(size: int) -> float:
    """GB that a loader process which holds `size` bytes of its own adds."""
    context = multiprocessing.get_context("fork")
    ready, done = context.Event(), context.Event()
    before = memory_gb()
    process = context.Process(target=hold, args=(size, ready, done), daemon=True)
    # A collection in the child would write into all objects of the tests before, and make their pages its own.
    gc.freeze()
    process.start()
    try:
        assert ready.wait(30)
        return memory_gb() - before
    finally:
        done.set()
        process.join()
        gc.unfreeze()


@linux
def test_loader_processes_count_and_shared_pages_count_once() -> None:
    shared = taken(SIZE)
    # Some pages become the child's own by counting references, more of them where coverage is measured.
    idle = with_child(1)
    assert idle < 0.9 * SIZE / 1e9  # and not the parent's once more, of which `shared` alone is that much
    assert with_child(SIZE) - idle == pytest.approx(SIZE / 1e9, abs=0.05)
    assert shared.all()
