"""Overrides as they are typed: quoted for a POSIX shell and for Hydra."""

from __future__ import annotations

import re
from pathlib import Path

# What Hydra reads as the text that it is …
_PLAIN = re.compile(r"[\w./+:-]+", flags=re.ASCII)
# … unless it is one of these: `20240115_01` is a number to it.
_OTHER = re.compile(r"[+-]?(\d[\d_]*\.?[\d_]*|\.\d[\d_]*)(e[+-]?[\d_]+)?|[+-]?(inf|nan)|null|true|false", flags=re.I)


def argument(key: str, value: object) -> str:
    """`key=value` as a POSIX shell and Hydra both take it; None is `null`."""
    if value is None:
        return f"{key}=null"
    text = str(value)
    other = isinstance(value, str | Path) and _OTHER.fullmatch(text)
    if _PLAIN.fullmatch(text) and not other:
        return f"{key}={text}"
    # Hydra wants quotes of its own inside those of the shell; backslashes count for it before a quote alone.
    inner = re.sub(r'(\\*)("|$)', lambda found: 2 * found[1] + ('\\"' if found[2] else ""), text)
    quoted = inner.replace("'", "'\\''")
    return f"'{key}=\"{quoted}\"'"


def resume_command(run_dir: Path, *rest: str) -> str:
    """The line that goes on with a run.

    Args:
        run_dir: the run directory.
        rest: further arguments, as they are typed.
    """
    return " ".join(["python train.py", argument("resume", run_dir), *rest])
