"""One piece of heavy work at a time, and only so many waiting: memory stays bounded whoever asks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import ParamSpec, TypeVar

import torch

from imatfashion.apps.serve.refusal import Refused

P = ParamSpec("P")
R = TypeVar("R")


class Turns:
    """Runs work in one thread, in the order in which it came.

    Args:
        places: requests that may wait or be served; one more is refused.

    Attributes:
        taken: places that are taken.
        ending: set when the server is to end: the work at hand is done, what waits is refused.
    """

    def __init__(self, places: int) -> None:
        self.places = places
        self.taken = 0
        self.ending = False
        self._turn = asyncio.Lock()
        self._thread = ThreadPoolExecutor(1, "predict")

    @property
    def full(self) -> bool:
        """Whether all places are taken."""
        return self.taken >= self.places

    @contextmanager
    def place(self) -> Iterator[None]:
        """A place in the queue, taken before the request's body is read.

        Raises:
            Refused: all places are taken (503).
        """
        if self.full:
            raise Refused(503, f"{self.taken} photos are waiting already; try again in a moment")
        self.taken += 1
        try:
            yield
        finally:
            self.taken -= 1

    async def run(self, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """The work's result, when its turn has come.

        Raises:
            Refused: the work refused, memory did not suffice (507), or the server ends (503).
        """

        def call() -> R:
            try:
                return work(*args, **kwargs)
            except (MemoryError, torch.OutOfMemoryError) as error:
                raise Refused(507, "memory did not suffice for this photo; send a smaller one") from error

        async with self._turn:
            if self.ending:
                raise Refused(503, "the server is being ended; start it again to go on")
            return await asyncio.get_running_loop().run_in_executor(self._thread, call)

    def close(self) -> None:
        """Wait for the work at hand, and take no more."""
        self.ending = True
        self._thread.shutdown()
