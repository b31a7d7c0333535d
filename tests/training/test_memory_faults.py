"""Which errors say that memory ran out."""

from __future__ import annotations

import pytest
import torch

from imatfashion.training.memory_faults import is_of_gpu, is_out_of_memory


@pytest.mark.parametrize(
    ("error", "of_gpu"),
    [
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."), True),
        (torch.AcceleratorError("CUDA error: out of memory\nCUDA kernel errors might be reported later"), True),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"), True),
        (RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"), True),
        (RuntimeError("[enforce fail at alloc_cpu.cpp:121] . DefaultCPUAllocator: can't allocate memory"), False),
        (MemoryError(), False),
    ],
    ids=lambda value: str(value)[:30],
)
def test_memory_that_ran_out(error: Exception, of_gpu: bool) -> None:
    assert is_out_of_memory(error)
    assert is_of_gpu(error) == of_gpu


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("CUDA error: device-side assert triggered"),
        RuntimeError("could not create a primitive descriptor for an inner product"),
        ValueError("CUDA out of memory"),
        OSError(28),
    ],
)
def test_other_faults(error: Exception) -> None:
    assert not is_out_of_memory(error)
