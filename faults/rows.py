"""Rows of the table, and the page that they make."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from faults.processes import REPOSITORY


@dataclass(frozen=True)
class Row:
    """What came of a fault.

    Attributes:
        fault: what was injected, into which command.
        tried: how often it struck.
        happened: what followed.
        lost: a line for each thing that was lost or said badly; empty for nothing.
        sentences: what was printed, where that is worth showing.
        seconds: how long it took.
    """

    fault: str
    tried: int
    happened: str
    lost: Sequence[str] = ()
    sentences: Sequence[str] = field(default=())
    seconds: float = 0.0


def read_rows(path: Path) -> dict[str, Row]:
    """The rows that an earlier call left, by their names; empty where there is no file."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return {found.pop("name"): Row(**found) for found in map(json.loads, lines)}


def keep_row(path: Path, name: str, row: Row) -> None:
    """Add a row to the file that `read_rows` reads."""
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps({"name": name, **asdict(row)}, ensure_ascii=False) + "\n")


def page(rows: Sequence[Row], *, seed: int) -> str:
    """The page `docs/FAULTS.md`."""
    seconds = sum(row.seconds for row in rows)
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
    return (
        "nothing"
        if not row.lost
        else f"**{len(row.lost)}**: " + " · ".join(row.lost).replace(f"{REPOSITORY}/", "").replace("\n", " ")[:500]
    )
