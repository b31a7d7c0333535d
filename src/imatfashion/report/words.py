"""Figures as a person reads them; what does not exist is a dash."""

from __future__ import annotations

import math

NOTHING = "–"


def number(value: object) -> float | None:
    """The value as a finite number, None where it is none (missing, text, NaN, infinite)."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)


def figure(value: object) -> str:
    """A figure between 0 and 1, three decimals."""
    found = number(value)
    return NOTHING if found is None else f"{found:.3f}"


def percent(value: object) -> str:
    """A share, with as many decimals as it needs."""
    found = number(value)
    if found is None:
        return NOTHING
    if 0 < found < 0.0005:
        return "< 0.1 %"
    return f"{100 * found:.1f} %" if abs(found) < 0.0995 else f"{100 * found:.0f} %"


def count(value: object) -> str:
    """A whole number, thousands apart."""
    found = number(value)
    return NOTHING if found is None else f"{found:,.0f}"


def many(value: object, noun: str) -> str:
    """A count and its noun, `1 photo` or `2 photos`."""
    return f"{count(value)} {noun}" + ("" if number(value) == 1 else "s")


def duration(seconds: object) -> str:
    """A stretch of time in its two largest units."""
    found = number(seconds)
    if found is None:
        return NOTHING
    whole = round(found)
    if whole < 60:
        return f"{found:.1f} s" if found < 10 else f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def size(bytes_: int) -> str:
    """A size on disk, decimal units."""
    value = float(bytes_)
    for unit in ("bytes", "kB", "MB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "bytes" or value >= 10 else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} GB"
