"""`python -m faults.mutation`: a seeded sample of wrong changes, which of them the tests notice, docs/MUTATION.md.

Own and small: mutmut and Cosmic Ray start a process or a whole suite for each change, and neither draws a sample that
can be drawn again, or orders the tests of a module so that the likeliest come first.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from faults.mutants import Mutant, mutants
from faults.mutation_page import Verdict, page, read_verdicts, reasons, write_verdict
from faults.trials import REPOSITORY, Trial, copy_repository, warm_up

ROOMS = ("data", "evaluate", "masks")
_DRAWN = Path("src/imatfashion/data/sample")
"""Left out: a line one pixel off in a drawing is no fault."""
CPU_SECONDS = 600


@dataclass
class _Place:
    """A copy of the repository and what is tried on it."""

    folder: Path
    mutant: Mutant | None = None
    trial: Trial | None = None
    source: bytes = b""
    started: float = 0.0


def main() -> None:
    """Draw the sample, run the tests on each mutant, write the page; exit code 1 with a survivor that has no reason."""
    options = _options()
    folder = Path(options.folder or tempfile.mkdtemp(prefix="mutation-"))
    drawn = sample(options.mutants, options.seed)
    if options.only:
        drawn = [mutant for mutant in drawn if options.only in f"{mutant.path}:{mutant.line}"]
    warm_up()
    verdicts = run(drawn, folder, options.processes, near=options.near)
    red = recheck(verdicts, folder)
    text = page(verdicts, seed=options.seed, of=len(_all()))
    if options.out:
        Path(options.out).write_text(text, encoding="utf-8")
    print(text)
    for test in red:
        print(f"fails without any change: {test}")
    left = [verdict for verdict in verdicts if verdict.outcome == "survived" and not reasons(verdict.mutant)]
    sys.exit(bool(left or red))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m faults.mutation", description=main.__doc__)
    parser.add_argument("--mutants", type=int, default=60, help="how many are drawn")
    parser.add_argument("--seed", type=int, default=0, help="of the draw")
    parser.add_argument(
        "--near", action="store_true", help="only tests that name the module or its folder, where any do"
    )
    parser.add_argument("--processes", type=int, default=2, help="side by side")
    parser.add_argument("--only", default="", help="those of the sample whose path:line has this in it")
    parser.add_argument("--folder", help="of the copies; given again, what is known of the sample is kept")
    parser.add_argument("--out", help="the page; by default it is printed alone")
    return parser.parse_args()


def _all() -> list[Mutant]:
    paths = [path for room in ROOMS for path in sorted((REPOSITORY / "src/imatfashion" / room).rglob("*.py"))]
    names = [path.relative_to(REPOSITORY) for path in paths]
    kept = [name for name in names if not name.is_relative_to(_DRAWN)]
    return [mutant for name in kept for mutant in mutants(name, (REPOSITORY / name).read_bytes())]


def sample(count: int, seed: int) -> list[Mutant]:
    """So many of all mutants of the rooms; a module that changes, moves or comes leaves the others' draw as it was."""
    drawn = sorted(_all(), key=lambda mutant: hashlib.sha256(f"{seed} {mutant.mark}".encode()).digest())[:count]
    return sorted(drawn, key=lambda mutant: (mutant.path, mutant.start, mutant.after))


def tests_of(path: Path, near: bool, root: Path) -> list[str]:
    """The test files of a module: its room's folder, first those that name it or its folder; then others that name it.

    Args:
        path: the module, from the repository's root.
        near: the first ones alone, where there are any.
        root: of the copy.
    """
    dotted = ".".join(path.relative_to("src").with_suffix("").parts)
    room = root / "tests" / path.parts[2]
    named, beside, rest, away = [], [], [], []
    for file in sorted((root / "tests").rglob("test_*.py")):
        names = re.search(rf"{re.escape(dotted)}\b(?!\.)", file.read_text(encoding="utf-8"))
        parts = {path.stem, path.parent.name} & {*file.stem.split("_"), file.parent.name} - {room.name}
        if not file.is_relative_to(room):
            # The kills of the faults take minutes and run in `make faults` as they are.
            away += [file] if names and file.stem != "test_faults_quick" else []
        else:
            (named if names else beside if parts else rest).append(file)
    first = [*named, *beside]
    files = first if near and first else [*first, *rest, *away]
    return [str(file.relative_to(root)) for file in files]


def run(drawn: list[Mutant], folder: Path, processes: int, *, near: bool = False) -> list[Verdict]:
    """Run the tests on each mutant, so many at a time; those of an earlier run in the same folder are known already."""
    places = [_Place(copy_repository(folder / str(number))) for number in range(processes)]
    known = read_verdicts(folder / "verdicts.jsonl", drawn)
    waiting = [mutant for mutant in reversed(drawn) if mutant not in known]
    while waiting or any(place.trial for place in places):
        for place in places:
            if place.trial is None and waiting:
                _begin(place, waiting.pop(), near=near)
            verdict = _ended(place)
            if verdict:
                known[verdict.mutant] = verdict
                write_verdict(folder / "verdicts.jsonl", verdict)
                print(verdict, flush=True)
        time.sleep(0.05)
    return [known[mutant] for mutant in drawn]


def _begin(place: _Place, mutant: Mutant, *, near: bool) -> None:
    place.mutant, place.started = mutant, time.monotonic()
    module = place.folder / mutant.path
    place.source = module.read_bytes()
    module.write_bytes(mutant.apply(place.source))
    place.trial = Trial(place.folder, tests_of(mutant.path, near, place.folder), CPU_SECONDS)


def _ended(place: _Place) -> Verdict | None:
    outcome = place.trial and place.trial.ended()
    if not (place.trial and place.mutant and outcome):
        return None
    verdict = Verdict(place.mutant, outcome, place.trial.first_failure(), time.monotonic() - place.started)
    (place.folder / place.mutant.path).write_bytes(place.source)
    place.trial = None
    return verdict


def recheck(verdicts: list[Verdict], folder: Path) -> list[str]:
    """The tests that noticed a mutant must pass without it: those that do not."""
    place, red = copy_repository(folder / "unchanged"), []
    tests = {verdict.noticed for verdict in verdicts if verdict.noticed}
    # One trial a file: a test's parameters may hold characters that no command line takes.
    for file in sorted({test.partition("::")[0] for test in tests}):
        trial = Trial(place, [test for test in sorted(tests) if test.partition("::")[0] == file], CPU_SECONDS)
        while (outcome := trial.ended()) is None:
            time.sleep(0.05)
        if outcome != "survived":
            red.append(trial.first_failure() or file)
    return red


if __name__ == "__main__":
    main()
