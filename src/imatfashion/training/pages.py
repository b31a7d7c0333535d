"""Memory that one step on a processor gives back, kept for the next."""

from __future__ import annotations

import ctypes
import sys

# mallopt's parameters, from glibc's malloc.h.
_TRIM_THRESHOLD, _TOP_PAD, _MMAP_MAX = -1, -2, -4
_NEVER = -1
_PAD = 64 * 2**20  # bytes asked of the kernel at once, beyond what is needed


def keep_pages() -> None:
    """Let glibc keep what is freed, in this process and from now on; elsewhere nothing happens.

    A step allocates and frees some hundred tensors of megabytes. glibc maps each anew and unmaps it, and the kernel
    clears its pages one fault at a time: three tenths of the step of `cpu_320` (benchmarks/pages.py). The price is that
    memory once taken stays with the process.
    """
    if sys.platform != "linux":
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:  # musl
        return
    mallopt(_MMAP_MAX, 0)
    mallopt(_TRIM_THRESHOLD, _NEVER)
    mallopt(_TOP_PAD, _PAD)
