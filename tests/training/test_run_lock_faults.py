"""A run directory that cannot be made or locked."""

from __future__ import annotations

import errno
import fcntl
import os
from pathlib import Path

import pytest

from imatfashion.errors import FashionError, fault_of_machine
from imatfashion.training.run_lock import run_lock


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP])
def test_a_file_system_without_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    def lockf(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "lockf", lockf)
    with run_lock(tmp_path / "run"):
        assert (tmp_path / "run").is_dir()


def test_a_place_below_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    run_dir = tmp_path / "file" / "run"
    with pytest.raises(FashionError) as caught, run_lock(run_dir):
        pass
    assert str(caught.value) == f"{run_dir} cannot be written (Not a directory): give another run_dir="


def test_a_lock_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "run" / ".lock").mkdir(parents=True)
    with (
        pytest.raises(FashionError, match=r"run cannot be written \(Is a directory\): give"),
        run_lock(tmp_path / "run"),
    ):
        pass


def test_a_full_disk_is_said_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def mkdir(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "mkdir", mkdir)
    with pytest.raises(OSError, match="No space left") as caught, run_lock(tmp_path / "run"):
        pass
    assert "the disk is full" in str(fault_of_machine(caught.value))


def test_faults_of_the_run_pass_by(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), run_lock(tmp_path / "run"):
        (tmp_path / "gone").read_text()
