"""Rows of the table, and the page that they make."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Row:
    """What came of a fault.

    Attributes:
        fault: what was injected, into which command.
        tried: how often it struck.
        happened: what followed.
        lost: a line for each thing that was lost or said badly; empty for nothing.
        sentences: what was printed, where that is worth showing.
    """

    fault: str
    tried: int
    happened: str
    lost: Sequence[str] = ()
    sentences: Sequence[str] = field(default=())


def page(rows: Sequence[Row], *, seed: int, seconds: float) -> str:
    """The page `docs/FAULTS.md`."""
    head = (
        "# Faults\n\n"
        "Written by `make faults`, which injects each fault into the real commands: a drawn data set of 20 photos, a "
        "small network, 64 × 64 pixels, on processors. After it the command is given again until it ends, and what is "
        "then on disk is compared with what an undisturbed command leaves: weights and optimizer state bit for bit, "
        "figures, tables and submissions byte for byte.\n\n"
        f"Seed {seed}; {sum(row.tried for row in rows)} tries in {seconds / 60:.0f} minutes.\n\n"
        "| fault | tried | what happened | lost |\n|---|--:|---|---|\n"
    )
    table = "".join(f"| {row.fault} | {row.tried} | {row.happened} | {_lost(row)} |\n" for row in rows)
    said = "".join(f"- {row.fault}: `{line}`\n" for row in rows for line in row.sentences if line)
    return head + table + (f"\n## What is said\n\n{said}" if said else "")


def _lost(row: Row) -> str:
    return "nothing" if not row.lost else f"**{len(row.lost)}**: " + " · ".join(row.lost).replace("\n", " ")[:500]
