"""What the benchmarks share: the machine in words, timed work, and a child process whose private memory is watched."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

MIB = 2**20
_EVERY = 0.05
"""Seconds between two looks at a child's memory."""


@dataclass(frozen=True)
class Child:
    """A child process that ended well.

    Attributes:
        result: the JSON of the last line that it printed.
        private: peak of its private memory (USS), MiB; files that it only maps do not count.
        proportional: peak of its proportional memory (PSS), MiB.
        resident: peak of its resident memory (VmHWM), MiB; mapped files count as long as they lie in memory.
        curve: private memory, MiB, at every look.
    """

    result: dict[str, Any]
    private: float
    proportional: float
    resident: float
    curve: tuple[float, ...]


class Contender:
    """A process that works on demand: it reads a number a line, and answers each with a line of JSON.

    Args:
        command: how it is started.
        env: its environment; None for this process's own.
    """

    def __init__(self, command: Sequence[str | Path], env: Mapping[str, str] | None = None) -> None:
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env)

    def __call__(self, number: int) -> dict[str, float]:
        """Do the work so many times; what the process says of it."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{number}\n")
        self.process.stdin.flush()
        answer: dict[str, float] = json.loads(self.process.stdout.readline())
        return answer

    def close(self) -> None:
        """End the process."""
        assert self.process.stdin
        self.process.stdin.close()
        self.process.wait()


def in_turn(contenders: Mapping[str, Contender], number: int, rounds: int) -> dict[str, list[dict[str, float]]]:
    """What each says of its rounds; all of them do the work `number` times a round, after one that warms up."""
    found: dict[str, list[dict[str, float]]] = {name: [] for name in contenders}
    for round_ in range(rounds + 1):
        for name, contender in contenders.items():
            times = contender(number)
            if round_:
                found[name].append(times)
    return found


def ratios(longer: Sequence[float], shorter: Sequence[float]) -> str:
    """How many times as long, in the median round, and from the least to the most."""
    each = sorted(one / other for one, other in zip(longer, shorter, strict=True))
    return f"{median(each):.2f} × ({each[0]:.2f} to {each[-1]:.2f})"


def run_child(arguments: Sequence[str | Path]) -> Child:
    """Run a Python script in a fresh process and watch its memory.

    Args:
        arguments: the script and its arguments.

    Raises:
        CalledProcessError: it failed.
    """
    command = [sys.executable, *map(str, arguments)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=one_thread()) as process:
        looks = []
        while process.poll() is None:
            look = memory_of(process.pid)
            if look is not None:
                looks.append(look)
            time.sleep(_EVERY)
        output = process.stdout.read() if process.stdout else ""
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command, output)
    peaks = [max(look[i] for look in looks) for i in range(3)]
    return Child(json.loads(output.splitlines()[-1]), *peaks, tuple(look[0] for look in looks))


def memory_of(pid: int | str = "self") -> tuple[float, float, float] | None:
    """Private, proportional and peak resident memory of a process, MiB; None where it has just ended."""
    try:
        rollup = _kib(Path(f"/proc/{pid}/smaps_rollup").read_text())
        status = _kib(Path(f"/proc/{pid}/status").read_text())
    except (OSError, ValueError):
        return None
    if "VmHWM" not in status or "Pss" not in rollup:
        return None
    private = rollup["Private_Clean"] + rollup["Private_Dirty"]
    return private / 1024, rollup["Pss"] / 1024, status["VmHWM"] / 1024


def _kib(text: str) -> dict[str, int]:
    lines = (line.split() for line in text.splitlines())
    return {words[0].rstrip(":"): int(words[1]) for words in lines if len(words) == 3 and words[2] == "kB"}


def one_thread() -> dict[str, str]:
    """The environment with numerical libraries kept to one thread."""
    return os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


def seconds(work: Callable[[], Any]) -> tuple[float, float, Any]:
    """Wall seconds and this process's processor seconds of a call, and what it returned."""
    wall, cpu = time.perf_counter(), time.process_time()
    value = work()
    return time.perf_counter() - wall, time.process_time() - cpu, value


def machine() -> str:
    """Processor, cores, memory and versions, in a line."""
    model = next(
        (line.split(":")[1].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")),
        platform.processor(),
    )
    memory = next((int(line.split()[1]) / MIB for line in _lines("/proc/meminfo") if line.startswith("MemTotal")), 0.0)
    load = os.getloadavg()[0]
    return (
        f"{model}, {os.cpu_count()} cores, {memory:.0f} GiB; load {load:.1f}; "
        f"Python {platform.python_version()}, {platform.system()}"
    )


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text().splitlines()
    except OSError:
        return []
