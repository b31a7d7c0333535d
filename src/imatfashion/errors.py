"""What is shown to a person as a sentence instead of a traceback."""

from __future__ import annotations

import errno
import re

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_OUT_OF_MEMORY = re.compile(
    "DefaultCPUAllocator"
    "|CUDA out of memory"
    "|CUDA error: out of memory"  # pinned memory, a context, another program's memory
    "|CUBLAS_STATUS_ALLOC_FAILED"
    "|CUDNN_STATUS_ALLOC_FAILED"
    "|Insufficient memory"  # OpenCV
    "|Cannot allocate memory"  # the system: a process that is not forked, a library that is not mapped
    "|could not create a primitive(?! descriptor)"  # oneDNN under RLIMIT_DATA; not tensors that do not fit together
)


class FashionError(Exception):
    """A mistake the user can mend: the message says what is wrong, where (file, row, key) and what to do.

    It is printed behind `error: `, so it begins in lower case (but for names and paths) and has no full stop.
    """


class Interrupted(SystemExit):
    """A signal ended the work; the message says what is kept and how to go on.

    A `SystemExit`: it ends a sweep, passes by everything that handles failures, and a script that does not catch it
    exits with the code that the signal calls for.

    Args:
        sentence: the message.
        number: the signal's.
    """

    def __init__(self, sentence: str, number: int) -> None:
        self.exit_code = 128 + number
        super().__init__(self.exit_code)
        self.sentence = sentence

    def __str__(self) -> str:
        return self.sentence


def says_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory ran out; libraries have no class of error of their own for it."""
    return isinstance(error, MemoryError) or _OUT_OF_MEMORY.search(str(error)) is not None


def fault_of_machine(error: BaseException) -> str | None:
    """The sentence for what can strike any command anywhere: a full disk, no memory, a loader process that was killed.

    Args:
        error: whatever ended the command.

    Returns:
        None where it is something else.
    """
    if isinstance(error, OSError) and error.errno in _FULL:
        where = f" at {error.filename}" if error.filename else ""
        return (
            f"the disk is full{where} ({error.strerror}): make room and give the command again, what is finished is "
            "kept (a training goes on with resume=RUN_DIR)"
        )
    if isinstance(error, RuntimeError) and str(error).startswith("DataLoader worker (pid"):
        return (
            "a process that loads photos was killed, perhaps for want of memory: go on with resume=RUN_DIR and fewer "
            "data.workers"
        )
    if says_out_of_memory(error):
        return (
            "this machine is out of memory: free some (other programs, fewer data.workers) and give the command again, "
            "what is finished is kept (a training goes on with resume=RUN_DIR)"
        )
    return None
