"""The page docs/MUTATION.md: the table, and each survivor with the reason why no test needs to notice it."""

from __future__ import annotations

import json
import tomllib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from faults.mutants import Mutant

_REASONS = Path(__file__).with_name("survivors.toml")
OUTCOMES = ("killed", "survived", "timed out")


@dataclass(frozen=True)
class Verdict:
    """What came of a mutant.

    Attributes:
        mutant: the change.
        outcome: killed, survived or timed out.
        noticed: the first test that failed; empty for none.
        seconds: by the clock.
    """

    mutant: Mutant
    outcome: str
    noticed: str
    seconds: float

    def __str__(self) -> str:
        said = f"{self.outcome} after {self.seconds:.0f} s: {self.mutant.path}:{self.mutant.line} {self.mutant}"
        return said + (f" ({self.noticed})" if self.noticed else "")


def write_verdict(path: Path, verdict: Verdict) -> None:
    """Add a verdict to a file of lines."""
    entry = [*_key(verdict.mutant), verdict.outcome, verdict.noticed, verdict.seconds]
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(entry) + "\n")


def read_verdicts(path: Path, drawn: Sequence[Mutant]) -> dict[Mutant, Verdict]:
    """Those of an earlier run that are of this draw."""
    mutants, found = {_key(mutant): mutant for mutant in drawn}, {}
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else []:
        *key, outcome, noticed, seconds = json.loads(line)
        if tuple(key) in mutants:
            mutant = mutants[tuple(key)]
            found[mutant] = Verdict(mutant, outcome, noticed, seconds)
    return found


def _key(mutant: Mutant) -> tuple[str, str, str, str]:
    return str(mutant.path), mutant.around, mutant.before, mutant.after


def reasons(mutant: Mutant) -> str:
    """Why a survivor is no gap, as `survivors.toml` says; empty where it does not."""
    known = tomllib.loads(_REASONS.read_text(encoding="utf-8"))["survivor"]
    _, *wanted = _key(mutant)
    same = (entry for entry in known if [entry["line"], entry["before"], entry["after"]] == wanted)
    return next((str(entry["why"]) for entry in same), "")


def page(verdicts: Sequence[Verdict], *, seed: int, of: int) -> str:
    """The page, in Markdown.

    Args:
        verdicts: of the sample.
        seed: of the draw.
        of: how many mutants the sample was drawn from.
    """
    minutes = sum(verdict.seconds for verdict in verdicts) / 60
    head = (
        "# Mutation test\n\n"
        "Written by `python -m faults.mutation`, a part of `make faults`. A mutant is the package with one small wrong "
        "change: a comparison, an operator, a condition, a number one higher or lower, a result that is None. The "
        "tests of its room run on a copy that has it; a mutant that they do not notice is a gap in them, or changes "
        "nothing that anyone can see. The drawn sample's own drawings (`data/sample/`) are left out: a line one pixel "
        "off is no fault. The tests that noticed a mutant were run again without any change, and pass.\n\n"
        f"{len(verdicts)} mutants drawn of {of:,} with seed {seed}; their tests took {minutes:.0f} minutes.\n\n"
    )
    groups = {verdict.mutant.path.parts[2] for verdict in verdicts}
    rows = [_row(f"`{room}/`", [v for v in verdicts if v.mutant.path.parts[2] == room]) for room in sorted(groups)]
    kinds = [_row(kind, [v for v in verdicts if v.mutant.kind == kind]) for kind in _kinds(verdicts)]
    lines = ["| part | mutants | killed | survived | timed out |", "|---|--:|--:|--:|--:|", *rows, *kinds]
    left = [_survivor(verdict.mutant) for verdict in verdicts if verdict.outcome == "survived"]
    table = ["| place | change | why no test notices |", "|---|---|---|", *left] if left else ["None."]
    return head + "\n".join([*lines, _row("all", verdicts), "", "## Survivors", "", *table, ""])


def _kinds(verdicts: Sequence[Verdict]) -> list[str]:
    return sorted({verdict.mutant.kind for verdict in verdicts})


def _row(name: str, verdicts: Sequence[Verdict]) -> str:
    counts = Counter(verdict.outcome for verdict in verdicts)
    return f"| {name} | {len(verdicts)} | " + " | ".join(str(counts[outcome]) for outcome in OUTCOMES) + " |"


def _survivor(mutant: Mutant) -> str:
    change = f"`{mutant.around}`: {mutant}".replace("|", "\\|")
    return f"| `{mutant.path}:{mutant.line}` | {change} | {reasons(mutant) or '**not explained yet**'} |"
