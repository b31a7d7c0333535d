"""How many processors this process may use."""

from __future__ import annotations

import os


def core_count(ranks: int = 1) -> int:
    """Processors that one of the machine's ranks may use, at least 1."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return usable if _bound_by_slurm(usable) else max(1, usable // ranks)


def _bound_by_slurm(usable: int) -> bool:
    """Whether the processors that this process sees are those of its own task, not shared with the machine's others."""
    if "TORCHELASTIC_RUN_ID" in os.environ:
        return False  # torchrun, whose processes share one task's
    tasks, each = (os.environ.get(name, "") for name in ("SLURM_NTASKS", "SLURM_CPUS_PER_TASK"))
    return tasks.isdecimal() and int(tasks) > 1 and each.isdecimal() and usable <= int(each)
