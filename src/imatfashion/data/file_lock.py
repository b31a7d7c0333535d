"""One process at a time at a file."""

from __future__ import annotations

import sys
from typing import IO, Any


def take_lock(file: IO[Any]) -> bool:
    """Keep other processes from a file for as long as it is open.

    The lock is the kernel's and of this process alone: it ends with it, however that ends, and a forked process that
    outlives a kill for a moment does not keep it (a lock by `flock` would go over to forked processes).

    Args:
        file: open for writing.

    Returns:
        Whether no other process holds it; true as well where the system or the file system has no locks.
    """
    if sys.platform == "win32":
        return True
    import fcntl

    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    except OSError:  # a file system without locks
        return True
    return True
