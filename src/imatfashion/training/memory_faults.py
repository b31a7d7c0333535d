"""What errors say that memory ran out; torch and OpenCV have no class of error of their own for it on processors."""

from __future__ import annotations

import cv2
import torch

MEMORY_FAULTS = (MemoryError, RuntimeError, cv2.error)
"""The classes of error among which those are."""
_WORDS = (
    "DefaultCPUAllocator",
    "CUDA out of memory",
    "CUDA error: out of memory",  # pinned memory, a context, another program's memory
    "CUBLAS_STATUS_ALLOC_FAILED",
    "CUDNN_STATUS_ALLOC_FAILED",
    "Insufficient memory",
    "Cannot allocate memory",
    "could not create a primitive",  # oneDNN under RLIMIT_DATA
)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory ran out, on a GPU or on the host."""
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return True
    return isinstance(error, MEMORY_FAULTS) and any(words in str(error) for words in _WORDS)


def is_of_gpu(error: BaseException) -> bool:
    """Whether the memory that ran out is a GPU's."""
    return isinstance(error, torch.OutOfMemoryError) or any(word in str(error) for word in ("CUDA", "CUDNN"))
