"""One target in a process of its own: `python -m fuzz.child TARGET SECONDS CORPUS OUT`."""

from __future__ import annotations

import faulthandler
import importlib.util
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

from fuzz.findings import Tally

MEGABYTES = 4000
"""Resident memory of the process, torch included, above which libFuzzer takes an input for a bomb."""
HANGS = 30
"""Seconds after which libFuzzer ends the process."""


def guided(name: str, seconds: int, corpus: Path, out: Path) -> None:
    """Mutations guided by the coverage of our own code; libFuzzer ends the process."""
    import atheris

    with atheris.instrument_imports(include=["imatfashion", "fuzz.text", "fuzz.files", "fuzz.page"]):
        tally = _tally(name, out)
    grown = out / "grown"
    grown.mkdir(exist_ok=True)
    options = [f"-max_total_time={seconds}", f"-rss_limit_mb={MEGABYTES}", f"-timeout={HANGS}", "-max_len=4096"]
    atheris.Setup(
        [sys.argv[0], *options, "-verbosity=0", f"-artifact_prefix={out}/ended-", str(grown), str(corpus)], tally
    )
    atheris.Fuzz()


def unguided(name: str, seconds: int, corpus: Path, out: Path) -> None:
    """Hypothesis: the corpus with pieces replaced, and any bytes."""
    from hypothesis import HealthCheck, Phase, given, settings
    from hypothesis import strategies as st

    seeds = [path.read_bytes() for path in sorted(corpus.iterdir())]
    piece = st.binary(max_size=64) | st.sampled_from([b"0", b"-1", b"1e999", b"9" * 30, b"\0", b'"', b"[", b"null"])

    @st.composite
    def changed(draw: st.DrawFn) -> bytes:
        data = draw(st.sampled_from(seeds))
        for _ in range(draw(st.integers(0, 3))):
            begin = draw(st.integers(0, len(data)))
            data = data[:begin] + draw(piece) + data[begin + draw(st.integers(0, 16)) :]
        return data

    tally = _tally(name, out)

    @settings(
        max_examples=200, database=None, deadline=None, phases=[Phase.generate], suppress_health_check=[*HealthCheck]
    )
    @given(changed() | st.binary(max_size=4096))
    def batch(data: bytes) -> None:
        if time.monotonic() - tally.begin < seconds:
            tally(data)

    while time.monotonic() - tally.begin < seconds:
        batch()
    tally.write()


def _tally(name: str, out: Path) -> Tally:
    from fuzz.targets import make_target

    folder = Path(tempfile.mkdtemp(prefix="fuzz-", dir=next(_fast(), None)))
    return Tally(make_target(name, folder), out)


def _fast() -> Iterator[str]:
    """A folder in memory, where there is one: a target writes a file at each execution."""
    if Path("/dev/shm").is_dir():
        yield "/dev/shm"


def has_atheris() -> bool:
    """Whether the extra is installed."""
    return importlib.util.find_spec("atheris") is not None


def main() -> None:
    """Run the target that the command line names."""
    faulthandler.enable()
    warnings.simplefilter("ignore")  # of libraries, about damaged photos: sentences are what counts
    name, seconds, corpus, out = sys.argv[1:]
    (guided if has_atheris() else unguided)(name, int(seconds), Path(corpus), Path(out))


if __name__ == "__main__":
    main()
