"""How many processors this process may use."""

from __future__ import annotations

import os


def core_count(ranks: int = 1) -> int:
    """Processors that one of the machine's ranks may use, at least 1."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, usable // ranks)
