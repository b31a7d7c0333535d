"""One run at a time in a directory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from imatfashion.data.file_lock import take_lock
from imatfashion.errors import FashionError, fault_of_machine
from imatfashion.training.place import is_main_process


@contextmanager
def run_lock(run_dir: Path) -> Iterator[None]:
    """Hold a run directory, which is made where it is not there; processes of the run that do not write hold nothing.

    Raises:
        FashionError: another process holds the directory, or it cannot be written.
        OSError: the disk is full.
    """
    if not is_main_process():
        yield
        return
    # The file stays: where it is deleted, two processes could each hold one of that name.
    with _lock_file(run_dir) as file:
        if not take_lock(file):
            raise FashionError(
                f"another process is writing to {run_dir} at this moment: wait until it has ended, or give another "
                "run_dir="
            )
        yield


def _lock_file(run_dir: Path) -> TextIO:
    """The file to hold, open, in a directory that is made where it is not there."""
    try:
        run_dir.mkdir(parents=True, exist_ok=True)
        return (run_dir / ".lock").open("w", encoding="utf-8")
    except OSError as error:
        if fault_of_machine(error):
            raise  # a full disk has its own sentence, and another run_dir= need not help
        raise FashionError(f"{run_dir} cannot be written ({error.strerror}): give another run_dir=") from error
