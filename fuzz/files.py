"""Targets that read files: annotations, labels, tuning, checkpoints, tables, prepared data, photos.

What is heavy is imported by the target that needs it: under instrumentation an import of torch takes a while.
"""

from __future__ import annotations

import contextlib
import io
import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from imatfashion.data.annotations import Annotations
from imatfashion.data.build import build_table
from imatfashion.data.labels import Labels, read_labels
from imatfashion.data.overview import overview
from imatfashion.data.photos import EncodedPhoto, PhotoError, decode_photo
from imatfashion.data.prepared import is_prepared, prepared_resolution
from imatfashion.data.sources import DataFiles, open_source
from imatfashion.errors import FashionError
from imatfashion.masks.runs import decode_runs

Target = Callable[[bytes], None]
HEADERS = {
    "imaterialist2019": b"ImageId,EncodedPixels,Height,Width,ClassId\n",
    "imaterialist2020": b"ImageId,EncodedPixels,Height,Width,ClassId,AttributesIds\n",
    "submission": b"ImageId,EncodedPixels,ClassId\n",
}


def csv2019(folder: Path) -> Target:
    """Rows of iMaterialist 2019."""
    return _reader(folder, "imaterialist2019", "train.csv")


def csv2020(folder: Path) -> Target:
    """Rows of iMaterialist 2020."""
    return _reader(folder, "imaterialist2020", "train.csv")


def submission(folder: Path) -> Target:
    """Rows of a submission."""
    return _reader(folder, "submission", "submission.csv")


def coco_json(folder: Path) -> Target:
    """A COCO JSON, whole."""
    return _reader(folder, "coco", "train.json")


def _reader(folder: Path, kind: str, name: str) -> Target:
    """Through the reader into a table, and out of it again; a first byte of 0 leaves the header to the input."""
    (folder / "train").mkdir()
    Image.new("RGB", (8, 6)).save(folder / "train" / "a.jpg")
    _write_labels(folder / "label_descriptions.json")
    header, out = HEADERS.get(kind, b""), folder / "out.table"

    def target(data: bytes) -> None:
        (folder / name).write_bytes(data[1:] if data[:1] == b"\0" else header + data)
        try:
            report = build_table(open_source(folder, DataFiles(format=kind)), out)
            _use(found := Annotations(out))
            assert (len(found), len(found.garment_photo)) == (report.photos, report.garments)
            assert found.refused == report.refused
        except FashionError:
            pass
        finally:
            shutil.rmtree(out, ignore_errors=True)
        assert sorted(path.name for path in folder.iterdir()) == sorted(["train", "label_descriptions.json", name])

    return target


def labels(folder: Path) -> Target:
    """A label file, whole."""

    def target(data: bytes) -> None:
        (folder / "labels.json").write_bytes(data)
        with contextlib.suppress(FashionError):
            for found in read_labels(folder / "labels.json"):
                assert [found.index(label_id) for label_id in found.ids] == list(range(len(found)))
                assert all(name.isprintable() for name in (*found.names, *found.groups))

    return target


def tuning(folder: Path) -> Target:
    """A tuning file, whole."""
    from imatfashion.predict.postprocess import PostProcess
    from imatfashion.predict.tuning_file import read_tuning, tuned_for_others

    classes, attributes = Labels((0, 3, 23), ("a", "b", "c"), ("",) * 3), Labels((1, 4), ("d", "e"), ("",) * 2)

    def target(data: bytes) -> None:
        path = folder / "tuning.json"
        path.write_bytes(data)
        with contextlib.suppress(FashionError):
            found = read_tuning(path, PostProcess.plain(classes, attributes), classes, attributes)
            for index in range(3):
                found.keeps(index, 10, 0.5, 100)
            found.component_classes((0,))
            found.attributes(np.array([0.1, 0.9], dtype=np.float32), np.ones(2, dtype=bool))
            list(tuned_for_others(path, {"classes_ckpt": ["x"]}))

    return target


def checkpoint(folder: Path) -> Target:
    """A checkpoint: by the first byte its file or the pickle in it."""
    from fuzz.material import CLASSES, save_checkpoint
    from imatfashion.models.checkpoint import load_checkpoint

    whole = save_checkpoint(folder / "good.ckpt", CLASSES).read_bytes()
    small = _shrunk(whole)

    def target(data: bytes) -> None:
        path, kind, rest = folder / "x.ckpt", data[:1], data[1:]
        path.write_bytes(small(rest) if kind == b"p" else rest)
        with contextlib.suppress(FashionError):
            load_checkpoint(path)
        assert not (folder / "ran").exists()

    return target


def _shrunk(whole: bytes) -> Callable[[bytes], bytes]:
    """Puts another pickle into the archive of a checkpoint, with one tensor of 4 kB for all that it may name."""
    with zipfile.ZipFile(io.BytesIO(whole)) as file:
        root = file.namelist()[0].split("/")[0]

    def make(pickle: bytes) -> bytes:
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as file:
            contents = {"data.pkl": pickle, "byteorder": b"little", "data/0": bytes(4096), "version": b"3\n"}
            for name, content in contents.items():
                file.writestr(f"{root}/{name}", content)
        return out.getvalue()

    return make


def table(folder: Path) -> Target:
    """A table of which one file, by the first byte, is the input."""
    from fuzz.material import prepared_data

    return _damaged(folder, prepared_data(folder / "data").annotations)


def prepared(folder: Path) -> Target:
    """Prepared data of which one file, by the first byte, is the input."""
    from fuzz.material import prepared_data

    return _damaged(folder, prepared_data(folder / "data").prepared)


def _damaged(folder: Path, good: Path) -> Target:
    from imatfashion.data.photo_source import open_photos

    names = sorted(path.name for path in good.iterdir() if path.name != "refused.csv")
    bad = folder / "bad"
    shutil.copytree(good, bad)

    def target(data: bytes) -> None:
        name = names[data[0] % len(names)] if data else names[0]
        (bad / name).write_bytes(data[1:])
        with contextlib.suppress(FashionError):
            is_prepared(bad)
            found = Annotations(bad)
            prepared_resolution(found)
            _use(found, checked=False)
            photos = open_photos(found)
            for photo in range(min(len(found), 3)):
                photos.load(photo)
                photos.thumbnail(photo)
        (bad / name).write_bytes((good / name).read_bytes())

    return target


def photo(_: Path) -> Target:
    """A photo's bytes, at its own size and reduced."""

    def target(data: bytes) -> None:
        for least in (None, (4, 4)):
            with contextlib.suppress(PhotoError):
                image = decode_photo(EncodedPhoto(Path("x.jpg"), data), at_least=least)
                assert image.dtype == np.uint8
                assert image.shape[2] == 3

    return target


def _use(found: Annotations, *, checked: bool = True) -> None:
    """What readers of a table do with it; the runs of one that was damaged are not checked when it is opened."""
    for index in range(len(found)):
        assert found.find(found.name(index)) == index or not checked
        found.group(index)
        for garment in found.garments(index):
            runs = found.runs(garment)
            if checked:
                assert decode_runs(runs, *found.size(index)).sum() == runs.area
    found.allowed_pairs()
    found.multiple_classes()
    found.layer_of_class(2)
    str(found.photo_dir)
    overview(found)


def _write_labels(path: Path) -> None:
    items = {
        "categories": [{"id": i, "name": str(i)} for i in (0, 3, 23)],
        "attributes": [{"id": i, "name": str(i)} for i in (1, 4)],
    }
    path.write_text(json.dumps(items), encoding="utf-8")
