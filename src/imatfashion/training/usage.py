"""What a run takes: files, disk and memory."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import resource
import sys
from pathlib import Path
from typing import NamedTuple


class Usage(NamedTuple):
    """What a folder holds: files, and their size in GB."""

    files: int
    gb: float


def folder_usage(folder: Path) -> Usage:
    """Files below a folder; one that is not there holds none."""
    files, size = 0, 0
    for parent, _, names in os.walk(folder):
        for name in names:
            # A file that is written aside may be renamed meanwhile.
            with contextlib.suppress(FileNotFoundError):
                size += (Path(parent) / name).lstat().st_size
                files += 1
    return Usage(files, size / 1e9)


def largest_part(folder: Path) -> str:
    """` (most of them in NAME)`: the subfolder with most of a folder's files; nothing where there is no subfolder."""
    parts = [(folder_usage(part).files, part.name) for part in folder.glob("*") if part.is_dir()]
    return f" (most of them in {max(parts)[1]})" if parts else ""


def memory_gb() -> float:
    """Memory that this process and its loader processes hold, GB.

    Pages of files are left out, since the system takes them back when memory runs short: a memory-mapped table costs
    nothing. Pages that processes share count once.
    """
    if not Path("/proc/self/status").is_file():
        # No such figures here (macOS): the largest resident memory so far, in bytes there.
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e9
    children = [child.pid for child in multiprocessing.active_children()]
    return sum(_process_kib(pid) for pid in [os.getpid(), *children] if pid) * 1024 / 1e9


def _process_kib(pid: int) -> int:
    """KiB of one process; 0 when it has ended."""
    for name, keys in (
        # Each process's share of the pages that it shares with others, as forked loaders do.
        ("smaps_rollup", ("Pss_Anon:", "Pss_Shmem:")),
        # Not on every kernel: without shares, a little too much.
        ("status", ("RssAnon:", "RssShmem:")),
        ("status", ("VmRSS:",)),
    ):
        try:
            lines = Path(f"/proc/{pid}/{name}").read_text(encoding="utf-8").splitlines()
        except OSError:
            continue
        found = [int(line.split()[1]) for line in lines if line.startswith(keys)]
        if found:
            return sum(found)
    return 0
