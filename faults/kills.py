"""Kills at random moments: a command is killed, given again until it ends, and compared with the undisturbed one."""

from __future__ import annotations

import random
import shutil
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from faults.commands import COMMANDS, Base, Command, differences
from faults.processes import Ended, Server

_IN_A_ROW = 3
"""Most kills before a command may end."""


@dataclass
class Tally:
    """What came of the kills of one command.

    Attributes:
        kills: by SIGKILL of the group, by SIGTERM, by SIGKILL of the command's own process alone.
        rounds: how often the command was brought to its end after kills.
        lost: a line for each round whose result was another one, or whose command did not go on.
    """

    kills: dict[str, int] = field(default_factory=lambda: {"SIGKILL": 0, "SIGTERM": 0, "own process": 0})
    rounds: int = 0
    lost: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Undisturbed:
    """Result, duration, number of writes and bytes on disk of a command that nothing happens to."""

    result: dict[str, Any]
    seconds: float
    writes: int
    size: int


class Killer:
    """Kills commands.

    Args:
        server: starts them.
        base: what they read.
        folder: where they write.
        seed: of the moments.
    """

    def __init__(self, server: Server, base: Base, folder: Path, seed: int) -> None:
        self.server, self.base, self.folder = server, base, folder
        self.random = random.Random(seed)

    def undisturbed(self, command: Command) -> Undisturbed:
        """Run a command to its end.

        Raises:
            RuntimeError: it fails.
        """
        folder = self.fresh(command, "undisturbed")
        count = self.folder / "writes"
        before = used(folder)
        ended = self.server.run(command.give(self.base, folder), root=str(folder), count_to=str(count))
        if ended.code:
            raise RuntimeError(f"{command.name} fails by itself: {ended.stderr}")
        return Undisturbed(command.result(folder), ended.seconds, int(count.read_text()), used(folder) - before)

    def fresh(self, command: Command, name: str) -> Path:
        """An empty folder, but for what the command needs."""
        folder = self.folder / f"{command.name.replace(' ', '-')}-{name}"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        command.prepare(self.base, folder)
        return folder

    def kill(self, command: Command, whole: Undisturbed, kills: int) -> Tally:
        """Kill a command so many times, a few in a row before it may end."""
        tally = Tally()
        while sum(tally.kills.values()) < kills:
            folder = self.fresh(command, f"{self.random.randrange(10**6):06}")
            wanted = min(self.random.randint(1, _IN_A_ROW), kills - sum(tally.kills.values()))
            story = [kind for kind in self._kills(command, whole, folder, wanted, tally) if kind]
            tally.rounds += 1
            fault = self._end(command, whole, folder)
            if fault:
                tally.lost.append(f"{command.name} after {', '.join(story)}: {fault} ({folder})")
            else:
                shutil.rmtree(folder)
        return tally

    def _kills(self, command: Command, whole: Undisturbed, folder: Path, wanted: int, tally: Tally) -> Iterator[str]:
        for _ in range(wanted):
            kind = self.random.choices(list(tally.kills), weights=(6, 2, 2))[0]
            moment, ended = self._disturb(command, whole, folder, kind)
            struck = ended.code < 0 or ended.code == 128 + signal.SIGTERM
            tally.kills[kind] += struck
            yield f"{kind} {moment}" if struck else ""
            if not struck and ended.code:
                tally.lost.append(f"{command.name}, {kind} {moment}: exit {ended.code}: {ended.stderr[-300:]}")
            if not struck:
                return

    def _disturb(self, command: Command, whole: Undisturbed, folder: Path, kind: str) -> tuple[str, Ended]:
        """A kill by the clock, or within milliseconds of a write: most of a command's time nothing is written."""
        argv = command.give(self.base, folder)
        number = signal.SIGTERM if kind == "SIGTERM" else signal.SIGKILL
        if kind != "own process" and self.random.random() < 0.6:
            at, delay = self.random.randint(1, whole.writes), self.random.choice((0.0, self.random.random() * 0.01))
            ended = self.server.run(argv, root=str(folder), signal_at=at, delay=delay, number=number)
            return f"{1000 * delay:.1f} ms after write {at} of {whole.writes}", ended
        seconds = self.random.random() * whole.seconds
        process = self.server.start(argv)
        time.sleep(seconds)
        process.signal(number, group=kind != "own process")
        return f"{seconds:.2f} s of {whole.seconds:.2f} s", process.wait()

    def _end(self, command: Command, whole: Undisturbed, folder: Path) -> str:
        """Give the command again; what is wrong then, empty for nothing."""
        ended = self.server.run(command.give(self.base, folder))
        if ended.code:
            return f"exit {ended.code}: {ended.stderr[-600:]}"
        try:
            found = command.result(folder)
        except (OSError, ValueError, KeyError, AssertionError) as error:
            return f"the result cannot be read: {error!r}"
        return ", ".join(differences(found, whole.result)[:5])


def used(folder: Path) -> int:
    """Bytes that a folder takes on disk."""
    return sum(path.lstat().st_blocks * 512 for path in folder.rglob("*"))


def make_base(server: Server, folder: Path) -> Base:
    """A drawn data set with its table, and a checkpoint of each stage."""
    from imatfashion.data.sample import draw_sample

    data = folder / "data"
    base = Base(data, folder / "classes/run/checkpoints/best.ckpt", folder / "attributes/run/checkpoints/best.ckpt")
    draw_sample(data, photos=20, seed=3)
    for stage in ("classes", "attributes"):
        ended = server.run(COMMANDS[f"train {stage}"].give(base, folder / stage))
        if ended.code:
            raise RuntimeError(ended.stderr)
    return base
