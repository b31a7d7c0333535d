"""Commands started through the warm server, signalled and waited for."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

REPOSITORY = Path(__file__).resolve().parent.parent
LONGEST = 600.0
"""Seconds after which a command hangs."""


@dataclass(frozen=True)
class Ended:
    """How a command ended: its exit code (negative for a signal) and what it said."""

    code: int
    stdout: str
    stderr: str
    seconds: float

    @property
    def sentence(self) -> str:
        """The one sentence on stderr, warnings aside; empty where there is none or more was said."""
        said = re.findall(r"^(?:error|job \d+ failed): .*", self.stderr, flags=re.MULTILINE)
        # The jobs of a sweep have one each.
        alone = len(said) == 1 or all(line.startswith("job") for line in said)
        return said[0] if said and alone and "Traceback" not in self.stderr + self.stdout else ""


class Process:
    """A command that is running, in a process group of its own."""

    def __init__(self, server: Server, pid: int, folder: Path) -> None:
        self.server, self.pid, self.folder = server, pid, folder
        self.started = time.monotonic()

    def signal(self, number: int, *, group: bool = True) -> None:
        """Send a signal to the whole group, or to the command's own process alone."""
        for send in (os.killpg, os.kill) if group else (os.kill,):
            with suppress(ProcessLookupError):
                send(self.pid, number)
                return

    def children(self) -> list[int]:
        """The processes that it has started."""
        path = Path(f"/proc/{self.pid}/task/{self.pid}/children")
        return [int(pid) for pid in path.read_text().split()] if path.exists() else []

    def wait(self) -> Ended:
        """Wait for its end.

        Raises:
            TimeoutError: it hangs.
        """
        code = self.server.ask({"wait": self.pid, "seconds": LONGEST})
        if code is None:
            self.signal(signal.SIGKILL)
            raise TimeoutError(f"a command hangs: see {self.folder}/stderr")
        said = [_said(self.folder / f"{self.pid}.{name}") for name in ("stdout", "stderr")]
        return Ended(code, *said, time.monotonic() - self.started)


def _said(path: Path) -> str:
    # A command that is killed at once, on a busy machine, has not opened its outputs yet.
    return path.read_text(errors="replace") if path.exists() else ""


class Server:
    """The warm process; a context manager.

    Args:
        folder: where the commands' outputs are kept, and their home folder.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._number = 0
        folder.mkdir(parents=True, exist_ok=True)

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "faults.server"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=REPOSITORY,
            env=os.environ | {"OMP_NUM_THREADS": "1", "HOME": str(self.folder), "CUDA_VISIBLE_DEVICES": ""},
        )
        assert self._reply() == "ready"
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._process.communicate()

    def start(self, argv: Sequence[str], *, env: dict[str, str] | None = None, **hooks: Any) -> Process:
        """Start a command: `imatfashion …`, `train.py …` or `predict.py …`, with the faults of `hooks.install`."""
        self._number += 1
        names = {name: str(self.folder / f"{self._number}.{name}") for name in ("stdout", "stderr")}
        pid = self.ask({"argv": list(argv), "env": env or {}, "hooks": hooks, **names})
        for name, path in names.items():
            # Their names are known before the process is.
            link = self.folder / f"{pid}.{name}"
            link.unlink(missing_ok=True)
            link.symlink_to(path)
        return Process(self, pid, self.folder)

    def run(self, argv: Sequence[str], *, env: dict[str, str] | None = None, **hooks: Any) -> Ended:
        """Start a command and wait for its end."""
        return self.start(argv, env=env, **hooks).wait()

    def ask(self, request: dict[str, Any]) -> Any:
        """Send a request and give its reply."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return self._reply()

    def _reply(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the server has ended")
        return json.loads(line)
