"""Which errors of a step say that memory ran out, and whose."""

from __future__ import annotations

import cv2
import torch

from imatfashion.errors import says_out_of_memory

MEMORY_FAULTS = (MemoryError, RuntimeError, cv2.error)
"""The classes of error among which those are."""


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory ran out, on a GPU or on the host."""
    if isinstance(error, torch.OutOfMemoryError):
        return True
    return isinstance(error, MEMORY_FAULTS) and says_out_of_memory(error)


def is_of_gpu(error: BaseException) -> bool:
    """Whether the memory that ran out is a GPU's."""
    return isinstance(error, torch.OutOfMemoryError) or any(word in str(error) for word in ("CUDA", "CUDNN"))
