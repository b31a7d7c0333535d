"""Tests run on a copy of the repository, in a process forked from one that has imported the libraries already."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parent.parent
_LEFT_OUT = (".ci", "benchmarks", "demo.sh", "shared")


def copy_repository(folder: Path) -> Path:
    """A copy of what git knows and of what is new: the repository itself is never changed."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        if not name.startswith(_LEFT_OUT) and (REPOSITORY / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(REPOSITORY / name, folder / name)
    return folder


def warm_up() -> None:
    """Import the libraries, and nothing of imatfashion: that is the copy's."""
    import albumentations  # noqa: F401
    import cv2
    import hypothesis
    import matplotlib.pyplot  # noqa: F401
    import pandas  # noqa: F401
    import pycocotools.mask  # noqa: F401
    import pytorch_lightning  # noqa: F401
    import segmentation_models_pytorch  # noqa: F401
    import sklearn.metrics  # noqa: F401
    import torch

    # Threads do not survive a fork.
    torch.set_num_threads(1)
    cv2.setNumThreads(0)
    # Two processes and others beside them: an example may take long.
    hypothesis.settings.register_profile("trial", deadline=None)
    hypothesis.settings.load_profile("trial")
    for name in [name for name in sys.modules if name.partition(".")[0] == "imatfashion"]:
        raise RuntimeError(f"{name} was imported before the fork")


class Trial:
    """Tests that are running on a copy.

    Args:
        folder: the copy; what the tests print goes beside it, into `<name>.log`.
        tests: files or tests, from the copy's root, in the order to be run.
        cpu_seconds: of processor time, and twenty times as much by the clock.
    """

    def __init__(self, folder: Path, tests: Sequence[str], cpu_seconds: int) -> None:
        self.folder = folder
        self.failed_at = folder.with_suffix(".failed")
        self.failed_at.unlink(missing_ok=True)
        self.until = time.monotonic() + 20 * cpu_seconds
        self.pid = os.fork()
        if not self.pid:
            code = 70
            try:
                code = self._run(tests, cpu_seconds)
            finally:
                if code == 70:
                    traceback.print_exc()
                os._exit(code)

    def ended(self) -> str | None:
        """`killed`, `survived`, `timed out`, or None while it runs.

        Raises:
            RuntimeError: pytest ran no test.
        """
        done, status = os.waitpid(self.pid, os.WNOHANG)
        late = time.monotonic() > self.until
        if not done and not late:
            return None
        # Whatever the tests have started ends with them.
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        if not done:
            os.waitpid(self.pid, 0)
            return "timed out"
        code = os.waitstatus_to_exitcode(status)
        if code in (3, 4, 5, 70):
            raise RuntimeError(f"pytest ended with {code}: see {self.folder}.log")
        return {0: "survived", -signal.SIGXCPU: "timed out"}.get(code, "killed")

    def first_failure(self) -> str:
        """The test, or the file that could not be imported; empty where the process died."""
        return self.failed_at.read_text(encoding="utf-8") if self.failed_at.exists() else ""

    def _run(self, tests: Sequence[str], cpu_seconds: int) -> int:
        os.setsid()
        handle = os.open(f"{self.folder}.log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        os.dup2(handle, 1)
        os.dup2(handle, 2)
        used = resource.getrusage(resource.RUSAGE_SELF)
        limit = int(used.ru_utime + used.ru_stime) + cpu_seconds
        resource.setrlimit(resource.RLIMIT_CPU, (limit, limit + 5))
        os.chdir(self.folder)
        ours = {str(REPOSITORY), str(REPOSITORY / "src"), ""}
        paths = [str(self.folder / "src"), str(self.folder)]
        sys.path[:] = paths + [path for path in sys.path if path not in ours]
        for name in [name for name in sys.modules if name.partition(".")[0] in {"faults", "tests"}]:
            del sys.modules[name]
        # A change of the same size in the same second would be taken for what was compiled before.
        sys.dont_write_bytecode = True
        os.environ.update(PYTHONPATH=os.pathsep.join(paths), PYTHONDONTWRITEBYTECODE="1", OMP_NUM_THREADS="1")
        import pytest

        # The libraries that are plugins of pytest, too, were imported before it began.
        options = ["-x", "-q", f"--basetemp={self.folder}.tmp", "-W", "ignore::pytest.PytestAssertRewriteWarning"]
        without = [f"-pno:{name}" for name in ("randomly", "cacheprovider", "xdist")]
        code = int(pytest.main([*options, *without, *tests], plugins=[_Note(self.failed_at)]))
        import imatfashion

        assert Path(str(imatfashion.__file__)).is_relative_to(self.folder), "not the copy was tested"
        sys.stdout.flush()
        return code


class _Note:
    """Notes the first failure."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def pytest_runtest_logreport(self, report: Any) -> None:
        self._note(report)

    def pytest_collectreport(self, report: Any) -> None:
        self._note(report)

    def _note(self, report: Any) -> None:
        if report.failed and not self.path.exists():
            self.path.write_text(report.nodeid, encoding="utf-8")
