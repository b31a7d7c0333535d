from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from imatfashion.data.prepare import finish, parts, prepare
from imatfashion.data.prepare.parts import JOURNAL, RECORDS, RUNS, Parts
from imatfashion.data.prepared import BLOB
from imatfashion.errors import FashionError


class Killed(BaseException):
    """Stands for a SIGKILL: nothing in the code catches it."""


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    monkeypatch.setattr("imatfashion.data.prepare.run.CHUNK", 2)


def quiet_prepare(data, out, resolution=32):
    return prepare(data, out, resolution=resolution, workers=1, progress=False)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def undisturbed(tiny_data, tmp_path):
    quiet_prepare(tiny_data, tmp_path / "undisturbed")
    return contents(tmp_path / "undisturbed")


def kill_at(monkeypatch, place, name, call):
    """Raise at the call-th call of a function."""
    original, calls = getattr(place, name), []

    def killing(*args, **kwargs):
        calls.append(name)
        if len(calls) == call:
            raise Killed
        return original(*args, **kwargs)

    monkeypatch.setattr(place, name, killing)


PLACES = [
    pytest.param(Parts, "_note", 1, 0, id="at the journal's head"),
    pytest.param(Parts, "append", 1, 0, id="before the first chunk"),
    pytest.param(parts, "_to_disk", 4, 0, id="in the first chunk"),
    pytest.param(Parts, "_note", 4, 4, id="before the third chunk is noted"),
    pytest.param(finish, "_write_table", 1, 10, id="before the table"),
    pytest.param(finish, "_pairs", 1, 10, id="in the table"),
    pytest.param(finish, "put_in_place", 1, 10, id="before the last rename"),
    pytest.param(finish.shutil, "rmtree", 2, 10, id="after the last rename"),
]


@pytest.mark.parametrize(("place", "name", "call", "kept"), PLACES)
def test_killed_anywhere_it_goes_on_to_the_same_bytes(
    tiny_data, tmp_path, undisturbed, monkeypatch, place, name, call, kept
):
    out = tmp_path / "out"
    with monkeypatch.context() as patch:
        kill_at(patch, place, name, call)
        with pytest.raises(Killed):
            quiet_prepare(tiny_data, out)
    if name != "rmtree":
        assert not out.exists()
    assert quiet_prepare(tiny_data, out).resumed == kept
    assert contents(out) == undisturbed
    assert [path.name for path in tmp_path.glob(".*")] == []


def interrupted(tiny_data, out, monkeypatch, chunks=3):
    with monkeypatch.context() as patch:
        kill_at(patch, Parts, "append", chunks + 1)
        with pytest.raises(Killed):
            quiet_prepare(tiny_data, out)
    return out.with_name(f".{out.name}.preparing")


@pytest.mark.parametrize(
    ("tail", "kept"),
    [
        (b'{"photos": 8, "by', 6),
        (b"\xff\xfe\n", 6),
        (b'{"photos": 8, "bytes": [900000, 900000, 900000, 900000]}\n', 6),
        (b"[]\n", 6),
    ],
)
def test_torn_ends_are_cut(tiny_data, tmp_path, undisturbed, monkeypatch, tail, kept):
    folder = interrupted(tiny_data, tmp_path / "out", monkeypatch)
    for name, end in ((JOURNAL, tail), (BLOB, b"half a photo"), (RECORDS, b"x" * 1500), (RUNS, b"\1\2\3")):
        with (folder / name).open("ab") as file:
            file.write(end)
    assert quiet_prepare(tiny_data, tmp_path / "out").resumed == kept
    assert contents(tmp_path / "out") == undisturbed


def test_file_that_lost_its_end_costs_its_last_chunks(tiny_data, tmp_path, undisturbed, monkeypatch):
    folder = interrupted(tiny_data, tmp_path / "out", monkeypatch)
    os.truncate(folder / BLOB, (folder / BLOB).stat().st_size - 1)
    assert quiet_prepare(tiny_data, tmp_path / "out").resumed == 4
    assert contents(tmp_path / "out") == undisturbed


@pytest.mark.parametrize("journal", [b"", b"nonsense\n", b'{"resolution": 3'])
def test_without_a_journal_it_begins_anew(tiny_data, tmp_path, undisturbed, monkeypatch, journal):
    folder = interrupted(tiny_data, tmp_path / "out", monkeypatch)
    (folder / JOURNAL).write_bytes(journal)
    assert quiet_prepare(tiny_data, tmp_path / "out").resumed == 0
    assert contents(tmp_path / "out") == undisturbed


def test_other_settings_or_data_do_not_go_on(tiny_data, tmp_path, monkeypatch):
    interrupted(tiny_data, tmp_path / "out", monkeypatch)
    with pytest.raises(FashionError, match="is an unfinished preparation with another resolution"):
        quiet_prepare(tiny_data, tmp_path / "out", 40)
    table = tiny_data / "train.csv"
    table.write_text(table.read_text() + "p00.jpg,5 1,60,90,2\n")
    with pytest.raises(FashionError, match="is an unfinished preparation with another data"):
        quiet_prepare(tiny_data, tmp_path / "out")


HOLD = """
import sys, time
from pathlib import Path
from imatfashion.data.file_lock import take_lock
with Path(sys.argv[1]).open("ab") as file:
    print(take_lock(file), flush=True)
    time.sleep(60)
"""


def test_two_at_once_are_refused(tiny_data, tmp_path, undisturbed, monkeypatch):
    folder = interrupted(tiny_data, tmp_path / "out", monkeypatch)
    command = [sys.executable, "-W", "ignore", "-c", HOLD, str(folder / JOURNAL)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as first:
        assert first.stdout.readline() == "True\n"
        with pytest.raises(FashionError, match="another process is preparing"):
            quiet_prepare(tiny_data, tmp_path / "out")
        first.kill()
    quiet_prepare(tiny_data, tmp_path / "out")
    assert contents(tmp_path / "out") == undisturbed


FULL = """
import resource, sys
from pathlib import Path
from imatfashion.cli import app
from imatfashion.data.build import open_table
open_table(Path(sys.argv[1]))
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]),) * 2)
import imatfashion.data.prepare.run as run
run.CHUNK = 2
app(["prepare", sys.argv[1], sys.argv[2], "--resolution", "32", "--workers", "1"])
"""


@pytest.mark.parametrize("limit", [5000, 700])
def test_full_disk_is_a_sentence_and_costs_nothing(tiny_data, tmp_path, undisturbed, limit):
    """A limit on the size of files stands for a disk: it strikes in mid-chunk."""
    out = tmp_path / "out"
    command = [sys.executable, "-c", FULL, str(tiny_data), str(out), str(limit)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith(f"error: the disk of {out} is full: free some space and give the command again")
    assert not out.exists()
    assert quiet_prepare(tiny_data, out).resumed < 10
    assert contents(out) == undisturbed


SLOW = """
import sys, time
from pathlib import Path
import imatfashion.data.prepare.chunks as chunks
import imatfashion.data.prepare.run as run

class Slow(run.ChunkMaker):
    def __call__(self, photos):
        time.sleep(0.1 if photos.start < 4 else 60)
        return super().__call__(photos)

if __name__ == "__main__":
    run.CHUNK, run.ChunkMaker = 2, Slow
    run.prepare(Path(sys.argv[1]), Path(sys.argv[2]), resolution=32, workers=2, progress=False)
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_killed_by_a_signal_with_its_processes(tiny_data, tmp_path, undisturbed, number):
    script, out = tmp_path / "slow.py", tmp_path / "out"
    script.write_text(SLOW)
    command = [sys.executable, str(script), str(tiny_data), str(out)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL, start_new_session=True) as process:
        journal = tmp_path / ".out.preparing" / JOURNAL
        wait_for(lambda: journal.is_file() and journal.read_bytes().count(b"\n") == 3)
        os.kill(process.pid, number)
        if number == signal.SIGKILL:
            # The processes of the pool are in its session; they notice that it is gone and end.
            wait_for(lambda: not session_lives(process.pid))
        else:
            os.killpg(process.pid, signal.SIGKILL)
    assert quiet_prepare(tiny_data, out).resumed == 4
    assert contents(out) == undisturbed


def wait_for(condition, seconds=30.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def session_lives(session: int) -> bool:
    """Whether a process of the session runs; one that has ended and waits to be collected does not."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if fields[0] != "Z" and int(fields[3]) == session:
            return True
    return False
