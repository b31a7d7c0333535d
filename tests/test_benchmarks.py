"""The benchmarks still fit the package: each can be imported, and the data that several of them make is made."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

IMPORT_ALL = """
import importlib, sys
sys.path.insert(0, sys.argv[1])
for name in sys.argv[2:]:
    importlib.import_module(name)
"""
MAKE = """
import sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from samples import training_samples
from stand_in import stand_in
from imatfashion.data.prepared import open_prepared

table = open_prepared(stand_in(Path(sys.argv[2]), 0.0005, 32))
print(len(table), tuple(training_samples(table, 32)[0, 3]["image"].shape))
"""


def test_each_can_be_imported(repository: Path) -> None:
    folder = repository / "benchmarks"
    # Two of them run in an environment with fastai, and without this package.
    names = sorted(path.stem for path in folder.glob("*.py") if not path.stem.startswith("fastai_"))
    assert len(names) > 15
    _python(IMPORT_ALL, str(folder), *names)


def test_prepared_data_of_stand_ins_is_read(repository: Path, tmp_path: Path) -> None:
    assert _python(MAKE, str(repository / "benchmarks"), str(tmp_path)) == "23 (3, 32, 32)\n"


def _python(code: str, *arguments: str) -> str:
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines(keepends=True)[-1] if done.stdout else ""
