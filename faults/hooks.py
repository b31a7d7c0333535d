"""What happens inside a command: it kills itself at one of its writes, its clock jumps, a photo goes, memory ends."""

from __future__ import annotations

import atexit
import os
import resource
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

_CHANGES = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate", "os.link", "os.symlink"}


def install(
    root: str = "",
    count_to: str = "",
    signal_at: int = 0,
    delay: float = 0.0,
    number: int = signal.SIGKILL,
    clock_at: int = 0,
    clock_seconds: float = 0.0,
    photo_at: int = 0,
    photo_fault: str = "",
    more_data_mb: float = 0.0,
) -> None:
    """Prepare the faults of this process.

    Args:
        root: writes below this folder count.
        count_to: file that the number of writes goes to at the end.
        signal_at: the write at which the process group gets a signal; 0 for none.
        delay: seconds between that write's start and the signal.
        number: the signal.
        clock_at: the reading of the clock at which it jumps; 0 for none.
        clock_seconds: how far.
        photo_at: the reading of a photo at which a photo goes; 0 for none.
        photo_fault: `gone` or `cut`.
        more_data_mb: RLIMIT_DATA above what the process holds already; 0 for none.
    """
    writes = _Writes(root, signal_at, delay, number)
    if root:
        sys.addaudithook(writes.see)
    if count_to:
        atexit.register(lambda: Path(count_to).write_text(str(writes.seen)))
    if clock_at:
        _jump(clock_at, clock_seconds)
    if photo_at:
        _lose_photo(photo_at, photo_fault)
    if more_data_mb:
        held = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmData"))
        limit = int(held.split()[1]) * 1024 + int(more_data_mb * 1e6)
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))


class _Writes:
    """Counts openings for writing, renames and removals below a folder, and sends a signal at one of them."""

    def __init__(self, root: str, signal_at: int, delay: float, number: int) -> None:
        self.root, self.signal_at, self.delay, self.number = root, signal_at, delay, number
        self.seen = 0

    def see(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            if not isinstance(arguments[2], int) or not arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
                return
        elif event not in _CHANGES:
            return
        if not isinstance(arguments[0], str | os.PathLike) or not os.fspath(arguments[0]).startswith(self.root):
            return
        self.seen += 1
        if self.seen == self.signal_at:
            threading.Thread(target=self._send, daemon=True).start()

    def _send(self) -> None:
        time.sleep(self.delay)
        os.killpg(os.getpgid(0), self.number)


def _jump(at: int, seconds: float) -> None:
    real, readings = time.time, iter(range(1, sys.maxsize))

    def jumping() -> float:
        return real() + (seconds if next(readings) >= at else 0.0)

    time.time = jumping


def _lose_photo(at: int, fault: str) -> None:
    """The photo that is opened then is gone, or is cut to its first 200 bytes."""
    opened = iter(range(1, sys.maxsize))

    def see(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open" and str(arguments[0]).endswith(".jpg") and next(opened) == at:
            path = Path(str(arguments[0]))
            content = path.read_bytes()
            path.unlink()
            if fault == "cut":
                path.write_bytes(content[:200])

    sys.addaudithook(see)
