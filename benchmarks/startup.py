"""Start-up: `train.py --help` and `train.py --cfg job` against a bare Hydra app of two lines.

usage: python benchmarks/startup.py [--repeats 10]

Each command runs that often, in turn; the figures are medians of the processes' processor time and of wall time. The
bare app has one key, ours a schema of nested dataclasses and ten groups.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from measuring import machine, one_thread

TARGET = 1.5
TRAIN = Path(__file__).resolve().parent.parent / "train.py"
BARE = """import hydra
hydra.main(version_base="1.3", config_path=".", config_name="config")(lambda config: None)()
"""


def run(script: Path, option: list[str], folder: str) -> tuple[float, float]:
    """Wall and processor seconds of one process."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    subprocess.run(
        [sys.executable, str(script), *option], cwd=folder, env=one_thread(), check=True, stdout=subprocess.DEVNULL
    )
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=10)
    args = parser.parse_args()
    print(machine())
    with tempfile.TemporaryDirectory() as folder:
        bare = Path(folder) / "bare.py"
        bare.write_text(BARE)
        (Path(folder) / "config.yaml").write_text("key: 1\n")
        for option in (["--help"], ["--cfg", "job"]):
            compare(bare, option, folder, args.repeats)
        assert len(list(Path(folder).iterdir())) == 2, "a start-up left a file behind"


def compare(bare: Path, option: list[str], folder: str, repeats: int) -> None:
    times: dict[Path, list[tuple[float, float]]] = {bare: [], TRAIN: []}
    for _ in range(repeats + 1):
        for script, found in times.items():
            found.append(run(script, option, folder))
    # The first of each warms the file cache.
    (bare_wall, bare_cpu), (wall, cpu) = (
        tuple(statistics.median(kind) for kind in zip(*found[1:], strict=True)) for found in times.values()
    )
    print(
        f"{' '.join(option)}: train.py {cpu:.2f} s CPU ({wall:.2f} wall), bare Hydra app {bare_cpu:.2f} s CPU "
        f"({bare_wall:.2f} wall); ratio {cpu / bare_cpu:.2f} by CPU, {wall / bare_wall:.2f} by wall (target {TARGET})"
    )


if __name__ == "__main__":
    main()
