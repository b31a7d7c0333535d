"""Files made to do harm: checkpoints, tables, prepared data, JSON. One sentence, nothing run, no memory filled."""

from __future__ import annotations

import io
import json
import pickle
import shutil
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from imatfashion.cli import app
from imatfashion.data.annotations import Annotations
from imatfashion.data.build import open_table
from imatfashion.data.labels import Labels
from imatfashion.data.prepare import prepare
from imatfashion.data.prepared import is_prepared, prepared_resolution
from imatfashion.data.sources import DataFiles, open_source
from imatfashion.data.table.checks import NAMES
from imatfashion.errors import FashionError
from imatfashion.models.checkpoint import load_checkpoint, load_network
from imatfashion.models.spec import ModelSpec
from imatfashion.predict.postprocess import PostProcess
from imatfashion.predict.results import from_line
from imatfashion.predict.tuning_file import read_tuning
from tests.predict.conftest import CLASSES, save_checkpoint

DEEP = "[" * 100_000
LABELS = Labels((0, 3, 23), ("a", "b", "c"), ("", "", ""))


# Checkpoints


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_checkpoint(tmp_path_factory.mktemp("good") / "best.ckpt", CLASSES)


def test_a_checkpoint_that_unpacks_to_a_thousand_times_its_size(checkpoint: Path, tmp_path: Path) -> None:
    path = tmp_path / "bomb.ckpt"
    with zipfile.ZipFile(checkpoint) as good, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as bomb:
        for name in good.namelist():
            bomb.writestr(name, bytes(10**7) if "/data/" in name else good.read(name))
    with pytest.raises(FashionError, match=r"bomb.ckpt is refused: it unpacks to more than it is"):
        load_checkpoint(path)


def test_a_checkpoint_whose_parts_lie_on_one_another(checkpoint: Path, tmp_path: Path) -> None:
    path = tmp_path / "x.ckpt"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("a/data.pkl", bytes(10_000))
        first = file.infolist()[0]
        # Further entries of the directory that point at the same bytes.
        for number in range(50):
            again = zipfile.ZipInfo(f"a/data/{number}")
            again.header_offset, again.file_size, again.compress_size = 0, first.file_size, first.compress_size
            again.CRC = first.CRC
            file.filelist.append(again)
    with pytest.raises(FashionError, match="unpacks to more than it is"):
        load_checkpoint(path)


def test_an_archive_that_claims_several_disks(tmp_path: Path) -> None:
    path = tmp_path / "x.ckpt"
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, 0, 2)
    path.write_bytes(bytes(60) + locator + struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 0, 0, 0, 0, 0))
    with pytest.raises(FashionError, match="is not a torch file, or was cut short"):
        load_checkpoint(path)


@pytest.mark.parametrize("content", [b"", b"\x80\x02j", b"\x80\x02h", b"\x80\x02J\x01", b"\x80\x02]" + b"0" * 9, b"."])
def test_a_pickle_that_breaks_off(checkpoint: Path, tmp_path: Path, content: bytes) -> None:
    path = repickled(checkpoint, tmp_path / "x.ckpt", content)
    with pytest.raises(FashionError, match=r"x.ckpt (is refused|cannot be read as a checkpoint)"):
        load_checkpoint(path)


class Run:
    """Pickled as a call of a function: code, were it run."""

    def __init__(self, function: Callable[..., Any], *arguments: object) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> tuple[Any, ...]:
        return self.call


@pytest.mark.parametrize("where", ["top", "state_dict", "hyper_parameters", "key"])
def test_code_anywhere_in_a_checkpoint_is_not_run(checkpoint: Path, tmp_path: Path, where: str) -> None:
    harm = [Run(eval, f"open({str(tmp_path / 'ran')!r}, 'w')"), Run(Path.touch, tmp_path / "ran")]
    content: Any = torch.load(checkpoint, weights_only=True)
    if where == "top":
        content = harm
    elif where == "key":
        content[tuple(harm)] = 1
    else:
        content[where] = {**content[where], "more": harm}
    path = repickled(checkpoint, tmp_path / "x.ckpt", pickle.dumps(harm))
    for file in (path, saved(content, tmp_path / "y.ckpt")):
        with pytest.raises(FashionError, match="objects, which are never run"):
            load_checkpoint(file)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    "change",
    [
        lambda weight: torch.empty(weight.shape, device="meta"),
        lambda weight: weight.to_sparse(),
        lambda weight: weight.to(torch.complex64),
    ],
    ids=["without numbers", "sparse", "complex"],
)
def test_weights_that_are_no_plain_numbers(
    checkpoint: Path, tmp_path: Path, change: Callable[[torch.Tensor], torch.Tensor]
) -> None:
    content = torch.load(checkpoint, weights_only=True)
    name = next(iter(content["state_dict"]))
    content["state_dict"][name] = change(content["state_dict"][name])
    with pytest.raises(FashionError, match=r"x.ckpt has weights that are no plain numbers \("):
        load_network(saved(content, tmp_path / "x.ckpt"))


def test_a_tensor_that_claims_a_trillion_numbers(checkpoint: Path, tmp_path: Path) -> None:
    content = torch.load(checkpoint, weights_only=True)
    content["state_dict"][next(iter(content["state_dict"]))] = torch.zeros(1).expand(10**12)
    with pytest.raises(FashionError, match="1 of another shape"):
        load_network(saved(content, tmp_path / "x.ckpt"))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"decoder_width": 2**40}, "decoder_width=1099511627776 must be above 0 and at most 4096"),
        ({"resolution": 10**9}, "resolution=1000000000 must be above 0 and at most 4096"),
        ({"class_ids": [-1, 3, 10, 23]}, "class_ids has an id that is none"),
        ({"class_ids": [2**70, 3, 10, 23]}, "class_ids has an id that is none"),
        ({"class_names": ["\x1b[2J", "b", "c", "d"]}, "a name has characters that cannot be printed"),
        ({"class_names": ["a\nb", "b", "c", "d"]}, "a name has characters that cannot be printed"),
        ({"class_ids": [*range(255)]}, "it has 255 classes, not 1 to 254"),
        ({"std": [float("nan")] * 3}, "normalise nothing"),
    ],
)
def test_descriptions_that_would_take_all_memory_or_move_the_cursor(change: dict[str, object], words: str) -> None:
    text = json.dumps(json.loads(CLASSES.to_json()) | change)
    with pytest.raises(FashionError, match="the model description contradicts itself") as caught:
        ModelSpec.from_json(text)
    assert words in str(caught.value)


@pytest.mark.parametrize("backbone", ["hf-hub:someone/model", "local-dir:/tmp", "../../model", "https://x/y"])
def test_a_description_cannot_name_a_network_of_elsewhere(checkpoint: Path, tmp_path: Path, backbone: str) -> None:
    content = torch.load(checkpoint, weights_only=True)
    content["hyper_parameters"] = {"spec": json.dumps(json.loads(CLASSES.to_json()) | {"backbone": backbone})}
    with pytest.raises(FashionError, match="is not a timm backbone"):
        load_network(saved(content, tmp_path / "x.ckpt"))


def saved(content: object, path: Path) -> Path:
    torch.save(content, path)
    return path


def repickled(checkpoint: Path, path: Path, content: bytes) -> Path:
    """A checkpoint with another pickle in it."""
    with zipfile.ZipFile(checkpoint) as good, zipfile.ZipFile(path, "w") as bad:
        for name in good.namelist():
            bad.writestr(name, content if name.endswith("data.pkl") else good.read(name))
    return path


# Tables and prepared data


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory, drawn: Path) -> tuple[Path, Path]:
    """A table and prepared data."""
    root = tmp_path_factory.mktemp("prepared")
    shutil.copytree(drawn, root / "data")
    table = open_table(root / "data").path
    prepare(root / "data", root / "prepared", resolution=32, workers=1, progress=False)
    return table, root / "prepared"


def array(values: np.ndarray) -> bytes:
    out = io.BytesIO()
    np.save(out, values)
    return out.getvalue()


def objects() -> bytes:
    out = io.BytesIO()
    np.save(out, np.array([Run(print, "ran")], dtype=object), allow_pickle=True)
    return out.getvalue()


def several() -> bytes:
    out = io.BytesIO()
    np.savez(out, a=np.zeros(3))
    return out.getvalue()


HEAD = b"\x93NUMPY\x01\x00"
BROKEN = {
    "empty": b"",
    "garbage": b"garbage",
    "header that breaks off": HEAD + struct.pack("<H", 5) + b"{'a':",
    "header that is code": HEAD + struct.pack("<H", 26) + b"__import__('os').abort()  ",
    "header with a NUL": HEAD + struct.pack("<H", 4) + b"{\0}\n",
    "a billion numbers": HEAD
    + struct.pack("<H", 70)
    + b"{'descr': '<i4', 'fortran_order': False, 'shape': (1000000000,)}".ljust(70),
    "a negative length": HEAD
    + struct.pack("<H", 70)
    + b"{'descr': '<i4', 'fortran_order': False, 'shape': (-4,)}".ljust(70),
    "objects": objects(),
    "an archive": several(),
    "another type": array(np.zeros(3, dtype=np.float64)),
    "other axes": array(np.zeros((1, 1, 1), dtype=np.int32)),
}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", BROKEN)
def test_a_table_with_a_broken_array(folders: tuple[Path, Path], tmp_path: Path, name: str, kind: str) -> None:
    bad = linked(folders[0], tmp_path / "bad", f"{name}.npy", BROKEN[kind])
    with pytest.raises(FashionError, match=r"the table .* is damaged \(\w+.npy\): delete it and build it anew"):
        Annotations(bad)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("garment_class", -1),
        ("garment_class", 30_000),
        ("garment_photo", 10**9),
        ("name_order", -5),
        ("photo_garments", 10**12),
        ("name_offsets", -(10**12)),
        ("run_begin", 2**62),
        ("run_begin", -1),
        ("run_count", 2**31 - 1),
        ("photo_size", 0),
        ("name_bytes", 255),
    ],
)
def test_a_table_that_points_out_of_itself(folders: tuple[Path, Path], tmp_path: Path, name: str, change: int) -> None:
    values = np.load(folders[0] / f"{name}.npy")
    values.ravel()[1] = change
    bad = linked(folders[0], tmp_path / "bad", f"{name}.npy", array(values))
    with pytest.raises(FashionError, match=rf"is damaged \({name.replace('run_count', 'run_begin')}.npy\)"):
        Annotations(bad)


@pytest.mark.parametrize(
    "change",
    [
        {"classes": {"ids": [0], "names": ["a", "b"], "groups": [""]}},
        {"classes": {"ids": ["0"], "names": ["a"], "groups": [""]}},
        {"classes": {"ids": [0], "names": ["\x1b[2J"], "groups": [""]}},
        {"classes": {"ids": [[]], "names": ["a"], "groups": [""]}},
        {"classes": 3},
        {"photo_dir": 7},
        {"photo_dir": "\0"},
        {"photo_faults": [1]},
        {"refused": "many"},
    ],
)
def test_a_table_with_another_meta(folders: tuple[Path, Path], tmp_path: Path, change: dict[str, object]) -> None:
    meta = json.loads((folders[0] / "meta.json").read_text()) | change
    bad = linked(folders[0], tmp_path / "bad", "meta.json", json.dumps(meta).encode())
    with pytest.raises(FashionError, match=r"is damaged \((meta.json|\w+.npy)\)"):
        Annotations(bad)


def test_prepared_data_that_is_nested_or_knows_no_resolution(folders: tuple[Path, Path], tmp_path: Path) -> None:
    nested = linked(folders[1], tmp_path / "nested", "meta.json", DEEP.encode())
    assert not is_prepared(nested)
    meta = json.loads((folders[1] / "meta.json").read_text()) | {"resolution": "large"}
    bad = linked(folders[1], tmp_path / "bad", "meta.json", json.dumps(meta).encode())
    with pytest.raises(FashionError, match=r"meta.json has no resolution"):
        prepared_resolution(Annotations(bad))


@pytest.mark.parametrize("name", ["photo_offsets", "photo_crc", "thumbnails"])
@pytest.mark.parametrize("kind", ["empty", "objects", "an archive", "header that breaks off", "another type"])
def test_prepared_data_with_a_broken_array(folders: tuple[Path, Path], tmp_path: Path, name: str, kind: str) -> None:
    from imatfashion.data.photo_source import open_photos

    bad = linked(folders[1], tmp_path / "bad", f"{name}.npy", BROKEN[kind])
    with pytest.raises(FashionError, match="copy the prepared data again"):
        open_photos(Annotations(bad)).thumbnails()


def linked(good: Path, bad: Path, name: str, content: bytes) -> Path:
    """The folder with one file replaced."""
    shutil.copytree(good, bad)
    (bad / name).write_bytes(content)
    return bad


# JSON


@pytest.mark.parametrize(
    "text",
    [
        '{"left_out": [Infinity]}',
        '{"left_out": [NaN]}',
        '{"attributes_left_out": [1e999]}',
        '{"min_score": {"0": NaN}}',
        '{"min_area": {"0": 1' + "0" * 400 + "}}",
        '{"min_area": {"0": 5}, "grid": 1' + "0" * 400 + "}",
        '{"min_area": {"Infinity": 5}}',
        '{"min_area": []}',
        '{"expected_iou": {"0": 1e999, "3": 0.5, "23": 0.5}, "expected_union": {"0": 0.1, "3": 0.1, "23": 0.1}}',
        '{"expected_iou": {"0": 0.5, "3": 0.5, "23": 0.5}, "expected_union": {"0": 1e-50, "3": 0.1, "23": 0.1}}',
        '{"expected_iou": {"0": NaN, "3": 0.5, "23": 0.5}, "expected_union": {"0": 0.1, "3": 0.1, "23": 0.1}}',
        DEEP,
        "9" * 5000,
    ],
)
def test_tuning_files_of_strange_numbers(tmp_path: Path, text: str) -> None:
    path = tmp_path / "tuning.json"
    path.write_text(text)
    with pytest.raises(FashionError, match=r"^the tuning file .*tuning\.json (has|is)"):
        read_tuning(path, PostProcess.plain(LABELS, LABELS), LABELS, LABELS)


@pytest.mark.parametrize(
    "text", ['{[]: 1, "images": []}', "{{}: 1}", "{1: 2}", '{"images": 7}', DEEP, '{"images":' + DEEP]
)
def test_coco_files_that_are_no_json(tmp_path: Path, text: str) -> None:
    (tmp_path / "train.json").write_text(text)
    (tmp_path / "label_descriptions.json").write_text('{"categories": [{"id": 0, "name": "a"}]}')
    done = CliRunner().invoke(app, ["index", str(tmp_path), "--format", "coco"])
    assert (done.exit_code, done.stdout) == (2, "")
    assert "Traceback" not in done.stderr
    with pytest.raises(FashionError, match="is not a valid COCO JSON file"):
        list(open_source(tmp_path, DataFiles(format="coco", photos=".")).records())


@pytest.mark.parametrize("text", [DEEP, '{"height": 1e999, "width": 1, "garments": [], "photo": "a"}', "{}", "7"])
def test_lines_that_no_prediction_wrote(text: str) -> None:
    with pytest.raises(FashionError, match="was not written by a prediction"):
        from_line(text)
