"""A dozen kills of real commands, and what a full disk, a kill or a second process has once broken."""

from __future__ import annotations

import errno
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from omegaconf import OmegaConf

from faults.commands import COMMANDS, differences
from faults.kills import Killer, make_base
from faults.processes import Server
from imatfashion.config import resume
from imatfashion.config.schema import Config
from imatfashion.data.table.files import save_array
from imatfashion.errors import FashionError, fault_of_machine
from imatfashion.predict.parts import PartFile

HOLD = """
import sys, time
from pathlib import Path
from imatfashion.predict.parts import PartFile
with PartFile(Path(sys.argv[1]), {}, ["a.jpg"]) as part:
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_config_is_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first half of a config.yaml is a valid one: a run resumed with it would take defaults for the rest."""

    def half(config: object, path: Path) -> None:
        text = OmegaConf.to_yaml(config)
        Path(path).write_text(text[: len(text) // 2])
        raise KeyboardInterrupt

    monkeypatch.setattr(resume.OmegaConf, "save", half)
    with pytest.raises(KeyboardInterrupt):
        resume.save_config(Config(), tmp_path / "config.yaml")
    assert not (tmp_path / "config.yaml").exists()


@pytest.mark.parametrize(
    "values",
    [
        np.arange(12, dtype=np.int32).reshape(4, 3),
        np.zeros((0, 7), dtype=np.bool_),
        np.arange(6, dtype=np.int64).reshape(2, 3).T,
        np.zeros(3, dtype="V2304"),
    ],
    ids=["numbers", "empty", "transposed", "records"],
)
def test_arrays_are_written_as_numpy_does(tmp_path: Path, values: np.ndarray) -> None:
    save_array(tmp_path, "ours", values)
    np.save(tmp_path / "theirs.npy", np.ascontiguousarray(values))
    assert (tmp_path / "ours.npy").read_bytes() == (tmp_path / "theirs.npy").read_bytes()


def test_a_full_disk_has_its_number(tmp_path: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("needs /dev/full")
    (tmp_path / "array.npy").symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space left") as fault:
        save_array(tmp_path, "array", np.zeros(100_000))
    assert fault.value.errno == errno.ENOSPC
    assert "the disk is full" in (fault_of_machine(fault.value) or "")


def test_other_faults_keep_their_traceback() -> None:
    assert fault_of_machine(OSError(errno.EIO, "Input/output error")) is None
    assert fault_of_machine(RuntimeError("a bug")) is None


def test_two_predictions_to_one_output_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "out.csv.part"
    command = [sys.executable, "-W", "ignore", "-c", HOLD, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as first:
        try:
            assert first.stdout is not None
            assert first.stdout.readline() == "held\n"
            with pytest.raises(FashionError, match=r"another process is writing to .*part at this moment"):
                PartFile(path, {}, ["a.jpg"])
        finally:
            first.kill()
    with PartFile(path, {}, ["a.jpg"]) as part:
        assert part.done == 0


@pytest.fixture(scope="module")
def killer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Killer]:
    folder = tmp_path_factory.mktemp("faults")
    with Server(folder / "log") as server:
        yield Killer(server, make_base(server, folder / "base"), folder / "work", seed=11)


@pytest.mark.parametrize("name", ["index", "prepare", "train classes", "predict to a table"])
def test_a_dozen_kills(killer: Killer, name: str) -> None:
    command = COMMANDS[name]
    tally = killer.kill(command, killer.undisturbed(command), 3)
    assert sum(tally.kills.values()) == 3
    assert not tally.lost


def test_a_lost_figure_is_a_difference() -> None:
    whole = {"weights": torch.arange(3.0), "rows": [{"step": "1"}, {"step": "2"}]}
    assert differences(whole, whole) == []
    assert differences(whole | {"rows": whole["rows"][:1]}, whole) == ["/rows"]
    assert differences(whole | {"weights": torch.tensor([0.0, 1.0, 2.0000002])}, whole) == ["/weights"]
    assert differences({"weights": whole["weights"]}, whole) == ["/rows"]
