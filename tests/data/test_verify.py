from __future__ import annotations

import shutil
import subprocess

import pytest
from typer.testing import CliRunner

from imatfashion.cli import app
from imatfashion.data.prepare import prepare, verify
from imatfashion.data.prepare.verify import SUMS
from imatfashion.data.prepared import BLOB
from imatfashion.errors import FashionError


@pytest.fixture
def copy(tiny_data, tmp_path):
    """The tiny data set prepared at 32, and copied."""
    prepare(tiny_data, tmp_path / "small", resolution=32, workers=1, progress=False)
    return shutil.copytree(tmp_path / "small", tmp_path / "copy")


def test_a_whole_copy_passes_here_and_by_sha256sum(copy):
    assert verify(copy) == len(list(copy.iterdir())) - 1
    subprocess.run(["sha256sum", "--check", "--strict", "--quiet", SUMS], cwd=copy, check=True)
    result = CliRunner().invoke(app, ["verify", str(copy)])
    assert result.exit_code == 0
    assert "are what was prepared" in result.output


def flip(path, place):
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize("name", [BLOB, "run_starts.npy", "photo_crc.npy", "meta.json"])
def test_one_wrong_bit_is_found_in_any_file(copy, name):
    flip(copy / name, -3)
    with pytest.raises(FashionError, match=rf"is not what was prepared, in {name}: copy"):
        verify(copy)
    assert CliRunner().invoke(app, ["verify", str(copy)]).exit_code == 2


def test_missing_and_shortened_files_are_named(copy):
    (copy / "thumbnails.npy").unlink()
    (copy / BLOB).write_bytes((copy / BLOB).read_bytes()[:-1])
    with pytest.raises(FashionError, match=rf"in {BLOB}, thumbnails.npy: copy"):
        verify(copy)


@pytest.mark.parametrize("text", ["", "nonsense", "0" * 64 + "  ../meta.json\n", "\udcff"])
def test_damaged_sums_are_said_to_be(copy, text):
    (copy / SUMS).write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(FashionError, match=rf"{SUMS} is damaged"):
        verify(copy)


def test_other_folders_are_refused(copy, tiny_data):
    with pytest.raises(FashionError, match="is not prepared data"):
        verify(tiny_data)
    (copy / SUMS).unlink()
    with pytest.raises(FashionError, match=f"has no {SUMS}"):
        verify(copy)
