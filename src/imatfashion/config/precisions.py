"""How precisely networks compute, by Lightning's names; said here, where no torch is needed."""

from __future__ import annotations

from imatfashion.errors import FashionError

PRECISIONS: dict[str, str | None] = {"32-true": None, "16-mixed": "float16", "bf16-mixed": "bfloat16"}
"""The choices, each with torch's name of the type that autocast takes; None for float32 throughout."""


def check_precision(precision: str) -> None:
    """Refuse what is no precision.

    Raises:
        FashionError: it is none of `PRECISIONS`.
    """
    if precision not in PRECISIONS:
        raise FashionError(f"precision={precision} is not a choice; take one of {', '.join(PRECISIONS)}")
