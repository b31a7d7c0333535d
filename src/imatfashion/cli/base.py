"""The `imatfashion` command without its subcommands, and how its errors are told."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import typer

from imatfashion.errors import FashionError, fault_of_machine

P = ParamSpec("P")
R = TypeVar("R")

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode="markdown")


@app.callback()
def main() -> None:
    """Fashion parsing: data sets, scores and reports. Training and prediction: `train.py` and `predict.py`."""


def sentence(command: Callable[P, R]) -> Callable[P, R]:
    """Show our own errors as one sentence and exit with 2."""

    @functools.wraps(command)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except FashionError as error:
            typer.echo(f"error: {error}", err=True)
            sys.exit(2)
        except Exception as error:
            told = fault_of_machine(error)
            if told is None:
                raise
            typer.echo(f"error: {told}", err=True)
            sys.exit(2)

    return wrapped
