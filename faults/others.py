"""Faults other than kills and full disks: processes that go, photos that go, clocks, permissions, two at once."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from faults.commands import COMMANDS, Base, Command, differences, link_data
from faults.kills import Killer
from faults.processes import Ended, Process
from faults.rows import Row

_YEAR = 365.25 * 86400


class Others:
    """Injects the faults that need no counting of writes.

    Args:
        killer: starts commands in fresh folders.
    """

    def __init__(self, killer: Killer) -> None:
        self.killer, self.server, self.base = killer, killer.server, killer.base

    def photo(self, fault: str, tries: int) -> Row:
        """A photo is lost while it is trained on: the run ends, and its name is said."""
        lost, command = [], COMMANDS["train classes"]
        for number in range(tries):
            folder = self.killer.fresh(command, f"photo-{fault}-{number}")
            link_data(self.base, folder)
            base = Base(folder / "data", self.base.classes, self.base.attributes)
            self.server.run(["imatfashion", "index", str(base.data)])
            # Near-duplicates are looked for first, which reads all 20 photos.
            at = 21 + self.killer.random.randrange(16)
            ended = self.server.run(command.give(base, folder), photo_at=at, photo_fault=fault)
            gone = {path.name for path in (self.base.data / "train").iterdir()} - {
                path.name for path in (base.data / "train").iterdir() if path.stat().st_size > 200
            }
            if ended.code or len(gone) != 1 or not any(name in ended.stderr for name in gone):
                lost.append(f"exit {ended.code}, {gone}: {ended.stderr[-500:]}")
        return Row(f"a photo {fault} while training", tries, "the run ended; the photo was named and left out", lost)

    def worker(self, tries: int) -> Row:
        """The process that loads photos is killed: a sentence, and the resumed run equals the undisturbed one."""
        command = COMMANDS["train classes"]
        return self._child_killed(command, "data.workers=1", "train classes: a loader process killed", tries)

    def _child_killed(self, command: Command, option: str, name: str, tries: int) -> Row:
        whole, struck, lost, sentences = self.killer.undisturbed(command), 0, [], set()
        for number in range(tries):
            folder = self.killer.fresh(command, f"child-{number}")
            process = self.server.start([*command.give(self.base, folder), option])
            child = _first_child(process)
            if child is not None:
                time.sleep(self.killer.random.random() * 0.3)
                os.kill(child, signal.SIGKILL)
            ended = process.wait()
            struck += ended.code != 0
            sentences.add(ended.sentence.replace(str(folder), "…"))
            if ended.code and not ended.sentence:
                lost.append(f"no sentence, exit {ended.code}: {ended.stderr[-700:]}")
            lost += self._goes_on(command, folder, whole.result)
        return Row(
            name, struck, "a sentence; the command given again equals the undisturbed one", lost, sorted(sentences)
        )

    def two_at_once(self, name: str, tries: int) -> Row:
        """The same command twice at a time: one does the work, the other is refused or uses it."""
        command, lost, refused, sentences = COMMANDS[name], [], 0, set()
        whole = self.killer.undisturbed(command)
        for number in range(tries):
            folder = self.killer.fresh(command, f"two-{number}")
            first = self.server.start(command.give(self.base, folder))
            time.sleep(self.killer.random.random() * 0.5 * whole.seconds)
            both = [self.server.start(command.give(self.base, folder)), first]
            ended = [process.wait() for process in both]
            refused += sum(one.code == 2 for one in ended)
            sentences |= {one.sentence.replace(str(folder), "…") for one in ended if one.code}
            lost += [f"exit {one.code}: {one.stderr[-700:]}" for one in ended if one.code and not one.sentence]
            if all(one.code for one in ended):
                lost.append("none of the two did the work")
            lost += self._compare(command, folder, whole.result)
        happened = f"{refused} of {2 * tries} were refused with a sentence, the others did the work"
        return Row(f"two at once: {name}", tries, happened, lost, sorted(sentences))

    def clock(self, name: str, tries: int) -> Row:
        """The clock jumps by years, either way: the result is the same."""
        command, lost = COMMANDS[name], []
        whole = self.killer.undisturbed(command)
        for number in range(tries):
            folder = self.killer.fresh(command, f"clock-{number}")
            years = self.killer.random.uniform(-5, 5)
            at = self.killer.random.randint(1, 40)
            ended = self.server.run(command.give(self.base, folder), clock_at=at, clock_seconds=years * _YEAR)
            if ended.code:
                lost.append(f"{years:.1f} years at reading {at}: {ended.stderr[-500:]}")
            else:
                lost += self._compare(command, folder, whole.result)
        return Row(f"the clock jumps: {name}", tries, "the result is the undisturbed one", lost)

    def read_only(self) -> Row:
        """Data on a file system that cannot be written: the table goes to the cache, training works."""
        command, lost = COMMANDS["train classes"], []
        whole = self.killer.undisturbed(command)
        folder = self.killer.fresh(command, "read-only")
        link_data(self.base, folder)
        base = Base(folder / "data", self.base.classes, self.base.attributes)
        with _read_only(base.data):
            env = {"IMATFASHION_CACHE": str(folder / "cache")}
            for argv in (["imatfashion", "index", str(base.data)], command.give(base, folder)):
                ended: Ended = self.server.run(argv, env=env)
                if ended.code:
                    lost.append(f"exit {ended.code}: {ended.stderr[-500:]}")
            lost += [] if lost else self._compare(command, folder, whole.result)
        if (base.data / ".imatfashion").exists():
            lost.append("something was written into the data")
        return Row(
            "read-only data: index, train classes", 1, "the table was put into the cache, the run is equal", lost
        )

    def _goes_on(self, command: Command, folder: Path, wanted: object) -> list[str]:
        again = self.server.run(command.give(self.base, folder))
        if again.code:
            return [f"does not go on, exit {again.code}: {again.stderr[-500:]}"]
        return self._compare(command, folder, wanted)

    @staticmethod
    def _compare(command: Command, folder: Path, wanted: object) -> list[str]:
        found = differences(command.result(folder), wanted)[:5]
        if not found:
            shutil.rmtree(folder, ignore_errors=True)
        return found


def _first_child(process: Process) -> int | None:
    """The first process that a command starts; None where it ends without one."""
    until = time.monotonic() + 120
    while time.monotonic() < until and Path(f"/proc/{process.pid}").exists():
        state = Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
        if state == "Z":
            return None
        for child in process.children():
            # The first child of a pool may be the one that counts semaphores.
            if b"resource_tracker" not in Path(f"/proc/{child}/cmdline").read_bytes():
                return child
        time.sleep(0.01)
    return None


@contextmanager
def _read_only(folder: Path) -> Iterator[None]:
    """Nobody can write below a folder.

    Raises:
        PermissionError: this user may not mount.
    """
    run: Callable[..., subprocess.CompletedProcess[bytes]] = subprocess.run
    if run(["mount", "--bind", str(folder), str(folder)], check=False).returncode:
        raise PermissionError("a folder cannot be mounted read-only")
    try:
        run(["mount", "-o", "remount,bind,ro", str(folder)], check=True)
        yield
    finally:
        run(["umount", "-l", str(folder)], check=True)
