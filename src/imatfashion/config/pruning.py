"""Stopping a hopeless job of a sweep early: where the training asks, and what such a job is called.

The sweep knows the other jobs, the training its own figures; neither knows of the other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from imatfashion.errors import FashionError

PRUNED = "pruned"
"""The state of a job that was stopped so, and what it gives the sweeper in place of a value."""

Judge = Callable[[int, float], str | None]
"""Takes the epochs that are done and the monitored figure after them; gives why the job is hopeless, or None."""

_judge: ContextVar[Judge | None] = ContextVar("judge", default=None)


class Pruned(FashionError):
    """The sweep found the job hopeless; its state is saved."""


@contextmanager
def judged_by(judge: Judge | None) -> Iterator[None]:
    """Have the runs inside ask this judge."""
    token = _judge.set(judge)
    try:
        yield
    finally:
        _judge.reset(token)


def current_judge() -> Judge | None:
    """Who is to be asked about this run; None where nobody is."""
    return _judge.get()
