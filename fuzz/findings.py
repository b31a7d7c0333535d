"""What a target raises: kept once for each place in the code, with the bytes that did it."""

from __future__ import annotations

import hashlib
import json
import time
import traceback
from dataclasses import dataclass, field
from pathlib import Path

from fuzz.targets import Target

SLOW = 20.0
"""Seconds; an input that takes longer is a finding. Decoding the largest photo that is taken stays below it."""
_EVERY = 0.5


@dataclass
class Tally:
    """Runs a target and counts.

    Attributes:
        target: what is run.
        out: folder of the findings; `tally.json` in it is renewed twice a second, since libFuzzer ends the process.
    """

    target: Target
    out: Path
    executions: int = 0
    findings: dict[str, str] = field(default_factory=dict)
    begin: float = field(default_factory=time.monotonic)
    _written: float = 0.0

    def __call__(self, data: bytes) -> None:
        """Run the target once; nothing but an end of the process comes out."""
        before = time.monotonic()
        try:
            self.target(data)
        except Exception as error:  # whatever it is, it is the finding
            self._keep(_place(error), "".join(traceback.format_exception(error)), data)
        if time.monotonic() - before > SLOW:
            self._keep("slow", f"took {time.monotonic() - before:.1f} s", data)
        self.executions += 1
        if time.monotonic() - self._written > _EVERY:
            self.write()

    def write(self) -> None:
        """Write the count down."""
        self._written = time.monotonic()
        tally = {"executions": self.executions, "seconds": self._written - self.begin, "findings": self.findings}
        (self.out / "tally.json").write_text(json.dumps(tally), encoding="utf-8")

    def _keep(self, place: str, trace: str, data: bytes) -> None:
        if place not in self.findings:
            name = hashlib.sha256(place.encode()).hexdigest()[:12]
            self.findings[place] = name
            (self.out / f"{name}.bin").write_bytes(data)
            (self.out / f"{name}.txt").write_text(trace, encoding="utf-8", errors="backslashreplace")
            self.write()


def _place(error: Exception) -> str:
    """The kind of the error and the last line of ours that it came through."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "/imatfashion/" in frame.filename] or frames
    return f"{type(error).__name__} at {Path(ours[-1].filename).name}:{ours[-1].lineno}"
