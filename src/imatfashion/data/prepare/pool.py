"""Chunks made by several processes, in order, a few ahead of what is taken."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ProcessPoolExecutor
from itertools import islice

import cv2

from imatfashion.data.prepare.chunks import Chunk

_AHEAD = 2
"""Chunks in the making or waiting, a process."""


def in_order(make: Callable[[range], Chunk], parts: Iterable[range], workers: int) -> Generator[Chunk, None, None]:
    """Make a chunk of each part.

    Args:
        make: makes one; pickled for other processes.
        parts: the photos of each chunk.
        workers: processes; one is this process itself.

    Yields:
        The chunks in the order of the parts; no more than a few a process lie in memory.

    Raises:
        BrokenProcessPool: a process was killed.
    """
    if workers <= 1:
        yield from map(make, parts)
        return
    todo = iter(parts)
    pool = ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn"), initializer=_start)
    try:
        waiting: deque[Future[Chunk]] = deque(pool.submit(make, part) for part in islice(todo, _AHEAD * workers))
        while waiting:
            chunk = waiting.popleft().result()
            waiting.extend(pool.submit(make, part) for part in islice(todo, 1))
            yield chunk
    finally:
        pool.shutdown(cancel_futures=True)


def _start() -> None:
    # Ctrl-C reaches all processes of a terminal: the first one says what happened and stops the others.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    cv2.setNumThreads(0)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        # A killed parent cannot stop its pool, whose processes would wait for work for ever.
        parent.join()
        os._exit(1)
