"""A disk that fills up while a command writes: a tmpfs of a few kilobytes, made larger before the command goes on."""

from __future__ import annotations

import random
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from faults.commands import Base, Command, differences
from faults.kills import Undisturbed, used
from faults.processes import Server
from faults.rows import Row

_LARGE = "512m"


@contextmanager
def tmpfs(folder: Path) -> Iterator[None]:
    """A file system of its own at a folder.

    Raises:
        PermissionError: this user may not mount one.
    """
    folder.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={_LARGE}", "none", str(folder)], check=False)
    if done.returncode:
        raise PermissionError("a tmpfs cannot be mounted")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(server: Server, base: Base, command: Command, whole: Undisturbed, folder: Path, tries: int, seed: int) -> Row:
    """Let the disk run full at random sizes, make room, and give the command again."""
    dice, full, lost, sentences = random.Random(seed), 0, [], set()
    for number in range(tries):
        place = folder / f"disk-{command.name.replace(' ', '-')}-{number}"
        with tmpfs(place):
            command.prepare(base, place)
            before, needed = used(place), max(whole.size, 64 * 1024)
            size = before + max(4096, int(dice.random() * needed))
            _resize(place, str(size))
            ended = server.run(command.give(base, place))
            _resize(place, _LARGE)
            if not _differs(command, place, whole):
                continue
            full += 1
            sentences.add(ended.sentence.replace(str(place), "…"))
            # A sweep whose jobs fail ends well: each job says why.
            if ended.code not in (0, 2) or not ended.sentence:
                lost.append(f"no sentence, exit {ended.code}, {size} bytes: {ended.stderr[-700:]}")
            again = server.run(command.give(base, place))
            if again.code:
                lost.append(f"does not go on after {size} bytes: {again.stderr[-700:]}")
            else:
                lost += differences(command.result(place), whole.result)[:5]
    happened = f"{full} of {tries} ran full, each ended in a sentence; with room, the command went on"
    return Row(f"disk full: {command.name}", full, happened, lost, sorted(sentences))


def _differs(command: Command, folder: Path, whole: Undisturbed) -> bool:
    try:
        return bool(differences(command.result(folder), whole.result))
    except (OSError, ValueError, KeyError, RuntimeError):
        return True


def _resize(folder: Path, size: str) -> None:
    subprocess.run(["mount", "-o", f"remount,size={size}", str(folder)], check=True)
