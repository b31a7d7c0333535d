"""Signals in loader processes: Ctrl-C and SIGTERM are the parent's business."""

from __future__ import annotations

import os
import signal
from types import FrameType


def leave_signals_to_parent() -> None:
    """Go on working when the whole process group is signalled, as terminals and job managers do.

    The parent still needs the batches of the step that it is in, and ends its loaders itself. One that hangs then gets
    SIGTERM again from the parent, and ends.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _EndAtSecond())


class _EndAtSecond:
    """A signal handler that ends the process when it is called again."""

    def __init__(self) -> None:
        self.called = False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        if self.called:
            os._exit(128 + number)
        self.called = True
