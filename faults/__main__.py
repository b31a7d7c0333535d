"""`make faults`: injects every fault and writes docs/FAULTS.md; `python -m faults --help` for a part of it."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

from faults.commands import COMMANDS
from faults.disk import fill
from faults.kills import Killer, Tally, make_base
from faults.memory import memory
from faults.others import Others
from faults.processes import REPOSITORY, Server
from faults.rows import Row, keep_row, page, read_rows

_SHARES = {
    "index": 1,
    "prepare": 1,
    "train classes": 2,
    "train attributes": 1,
    "predict to CSV": 1,
    "predict to a table": 1,
    "sweep": 1,
}
"""How the kills are shared out."""


def main() -> None:
    """Inject the faults, print a row each as it comes, and write the page; exit code 1 where anything was lost."""
    options = _options()
    folder = Path(options.folder or tempfile.mkdtemp(prefix="faults-"))
    done = read_rows(folder / "rows.jsonl")
    rows = list(done.values())
    shutil.rmtree(folder / "base", ignore_errors=True)
    with Server(folder / "log") as server:
        killer = Killer(server, make_base(server, folder / "base"), folder / "work", options.seed)
        for name, make in _rows(killer, options.kills, options.tries):
            if name in done or not name.startswith(options.only):
                continue
            started = time.monotonic()
            try:
                row = replace(make(), seconds=time.monotonic() - started)
            except PermissionError as error:
                print(f"left out: {error}", flush=True)
                continue
            print(f"{row.fault}: {row.tried} tried; {row.happened}", *row.lost, sep="\n  LOST ", flush=True)
            keep_row(folder / "rows.jsonl", name, row)
            rows.append(row)
    out = Path(options.out)
    out.write_text(page(rows, seed=options.seed), encoding="utf-8")
    print(f"{out}; what was lost, if anything, lies in {folder}")
    sys.exit(any(row.lost for row in rows))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m faults", description=main.__doc__)
    parser.add_argument("--kills", type=int, default=200, help="kills in all, shared out over the commands")
    parser.add_argument("--tries", type=int, default=5, help="tries of each other fault")
    parser.add_argument("--only", default="", help="rows whose name begins so: kill, disk, two, clock, … memory")
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    parser.add_argument(
        "--folder",
        help="where the commands write, a temporary folder by default; rows that are there are not made again",
    )
    parser.add_argument("--out", default=str(REPOSITORY / "docs/FAULTS.md"), help="the page")
    return parser.parse_args()


def _rows(killer: Killer, kills: int, tries: int) -> Iterator[tuple[str, Callable[[], Row]]]:
    """Each row's name, and what makes it."""
    shares, given = sum(_SHARES.values()), 0
    for number, (name, share) in enumerate(_SHARES.items(), 1):
        # The last command takes what rounding leaves.
        count = kills - given if number == len(_SHARES) else kills * share // shares
        given += count
        if count:
            yield f"kill {name}", partial(kill_row, killer, name, count)
    if not tries:
        return
    for name in _SHARES:
        yield f"disk {name}", partial(_full, killer, name, tries)
    others = Others(killer)
    for name in ("index", "prepare", "train classes", "predict to CSV", "predict to a table"):
        yield f"two {name}", partial(others.two_at_once, name, tries)
    for name in ("index", "prepare", "train classes", "predict to CSV"):
        yield f"clock {name}", partial(others.clock, name, tries)
    yield "worker", partial(others.worker, tries)
    yield "photo gone", partial(others.photo, "gone", tries)
    yield "photo cut", partial(others.photo, "cut", tries)
    yield "read-only", others.read_only
    yield "memory", partial(memory, killer, tries)


def kill_row(killer: Killer, name: str, count: int) -> Row:
    """Kill a command so many times."""
    tally: Tally = killer.kill(COMMANDS[name], killer.undisturbed(COMMANDS[name]), count)
    kinds = ", ".join(f"{number} {kind}" for kind, number in tally.kills.items())
    happened = f"{kinds}; {tally.rounds} times it was given again until it ended, and equals the undisturbed one"
    return Row(f"killed: {name}", sum(tally.kills.values()), happened, tally.lost)


def _full(killer: Killer, name: str, tries: int) -> Row:
    command = COMMANDS[name]
    seed = killer.random.randrange(10**6)
    whole = killer.undisturbed(command)
    return fill(killer.server, killer.base, command, whole, killer.folder, tries, seed)


if __name__ == "__main__":
    main()
