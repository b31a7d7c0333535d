"""`python -m fuzz --seconds 20 [target …]`: executions, seconds and findings of each target; exit code 1 with any."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from fuzz.child import has_atheris
from fuzz.targets import NAMES

HERE = Path(__file__).resolve().parent


def main() -> int:
    """Run the targets one after another and print the table."""
    parser = argparse.ArgumentParser(prog="python -m fuzz", description=__doc__)
    parser.add_argument("targets", nargs="*", metavar="target", help=f"of {', '.join(NAMES)}; all by default")
    parser.add_argument("--seconds", type=int, default=20, help="of each target")
    parser.add_argument("--out", type=Path, help="folder for the findings; a temporary one by default")
    given = parser.parse_args()
    for name in set(given.targets) - set(NAMES):
        parser.error(f"there is no target {name}")
    out = given.out or Path(tempfile.mkdtemp(prefix="fuzz-found-"))
    print(f"guided by {'coverage (atheris)' if has_atheris() else 'hypothesis alone: atheris is not installed'}")
    print("\n| target | seconds | executions | findings |\n|---|--:|--:|---|", flush=True)
    found = sum([run(name, given.seconds, out / name) for name in given.targets or NAMES])
    print(f"\n{found} findings" + (f": {out}" if found else ""))
    return 1 if found else 0


def run(name: str, seconds: int, out: Path) -> int:
    """Run one target, print its line, return how many findings it has."""
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    command = [sys.executable, "-m", "fuzz.child", name, str(seconds), str(HERE / "corpus" / name), str(out)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    with (out / "log.txt").open("wb") as log:
        done = subprocess.run(command, cwd=HERE.parent, stdout=log, stderr=log, env=environment, check=False)
    findings, tally = [], {"executions": 0, "seconds": 0.0, "findings": {}}
    if (out / "tally.json").is_file():
        tally = json.loads((out / "tally.json").read_text(encoding="utf-8"))
        findings = [f"{place} ({name})" for place, name in tally["findings"].items()]
    # libFuzzer ends the process where memory or time is used up, or where C code crashes.
    if done.returncode:
        findings.append(f"ended with exit code {done.returncode}, see {out / 'log.txt'}")
    print(
        f"| {name} | {tally['seconds']:.0f} | {tally['executions']:,} | {'; '.join(findings) or 'none'} |", flush=True
    )
    return len(findings)


if __name__ == "__main__":
    sys.exit(main())
