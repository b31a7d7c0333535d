"""Bad input of every kind through the real commands: exit code, one sentence, no traceback.

Each case is a row of docs/BAD_INPUT.md, which `python tests/show_bad_input.py > docs/BAD_INPUT.md` writes anew.
"""

from __future__ import annotations

import ast
import contextlib
import csv
import functools
import io
import json
import os
import pickle
import re
import runpy
import shlex
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from imatfashion.cli import app

ROOT = Path(__file__).resolve().parent.parent
HEADER = "ImageId,EncodedPixels,Height,Width,ClassId"
GOOD = "b.jpg,1 2,8,6,3"
INDEX = "imatfashion index data"
SCORE = "imatfashion score data/train.csv sub.csv"
PREDICT = "python predict.py classes_ckpt=classes.ckpt images=photos output=out.csv"
QUIET = {
    "train.py": "stage=classes resolution=32 model=tiny gpu=cpu max_steps=1 batch_size=2 data.workers=0 run_dir=run",
    "predict.py": "device=cpu progress=false",
}
"""What keeps a case small and is left out of the table."""

Make = Callable[[Path], object]


@dataclass(frozen=True)
class Case:
    """A fault, and what is said of it.

    Attributes:
        topic: heading in the table.
        kind: what is wrong.
        command: as a person types it, in a folder that `make` filled.
        words: what must be said.
        make: writes the files.
        outcome: `stops` with exit code 2 and one sentence; `listed`, with exit code 0, among the refused records or the
            unread photos; `taken` as it is.
    """

    topic: str
    kind: str
    command: str
    words: str
    make: Make
    outcome: str = "stops"


@dataclass(frozen=True)
class Outcome:
    """Exit code and output of a command."""

    code: int
    out: str
    err: str

    @property
    def said(self) -> str:
        """The sentence: an error, else what was listed, else the summary."""
        if self.code:
            return self.err.strip().removeprefix("error: ")
        lines = [line.strip() for line in (self.err + self.out).splitlines() if line.startswith("  ")]
        return "; ".join(lines) or next((line for line in self.out.splitlines() if "refused" in line), self.out.strip())


# Files


def write_data(folder: Path, *rows: str, header: str = HEADER) -> Path:
    """A data set `data` of the given rows; photos a.jpg, b.jpg, c.jpg, 8 × 6 pixels."""
    root = folder / "data"
    (root / "train").mkdir(parents=True)
    labels = {
        "categories": [{"id": i, "name": f"class {i}"} for i in (0, 3, 23)],
        "attributes": [{"id": i, "name": f"attribute {i}"} for i in (1, 4)],
    }
    (root / "label_descriptions.json").write_text(json.dumps(labels), encoding="utf-8")
    (root / "train.csv").write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    for seed, name in enumerate("abc"):
        picture(6, 8, seed).save(root / "train" / f"{name}.jpg")
    return root


def picture(width: int, height: int, seed: int = 0) -> Image.Image:
    noise = np.random.default_rng(seed).integers(0, 255, (height, width, 3)).astype(np.uint8)
    return Image.fromarray(noise)


def turned(width: int, height: int, path: Path) -> None:
    """A photo stored on its side, as phones do: EXIF orientation 6."""
    exif = Image.Exif()
    exif[0x0112] = 6
    picture(width, height).save(path, exif=exif)


def deep(path: Path) -> None:
    Image.new("I;16", (90, 60), 40_000).save(path)


def jpeg(width: int = 90, height: int = 60) -> bytes:
    stream = io.BytesIO()
    picture(width, height).save(stream, "JPEG")
    return stream.getvalue()


@functools.cache
def checkpoint(stage: str) -> bytes:
    """A checkpoint as training writes it, of a tiny network with random weights."""

    from imatfashion.models.spec import ModelSpec, build_network

    spec = ModelSpec(
        stage=stage,
        backbone="test_resnet.r160_in1k",
        resolution=64,
        mean=(0.5, 0.5, 0.5),
        std=(0.25, 0.25, 0.25),
        class_ids=(0, 3),
        class_names=("shirt", "coat"),
        attribute_ids=(1,),
        attribute_names=("striped",),
        layer_of_class=(0, 0),
        allowed_pairs=((0,), ()),
        decoder_width=16,
        embedding=16,
    )
    state = {"network." + name: tensor for name, tensor in build_network(spec).state_dict().items()}
    return saved({"hyper_parameters": {"spec": spec.to_json()}, "state_dict": state})


def saved(content: object) -> bytes:
    import torch

    stream = io.BytesIO()
    torch.save(content, stream)
    return stream.getvalue()


class Payload:
    """Leaves a file where it is unpickled."""

    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return os.system, ("touch EXECUTED",)


# Cases: each helper makes those of one kind


def row(kind: str, line: str, words: str, outcome: str = "listed") -> Case:
    return Case("Records of a CSV", kind, INDEX, words, lambda folder: write_data(folder, GOOD, line), outcome)


def table(kind: str, content: bytes, words: str, command: str = INDEX, outcome: str = "stops") -> Case:
    def make(folder: Path) -> None:
        (write_data(folder) / "train.csv").write_bytes(content)

    return Case("Annotation files", kind, command, words, make, outcome)


def labels(kind: str, content: bytes | None, words: str) -> Case:
    def make(folder: Path) -> None:
        path = write_data(folder, GOOD) / "label_descriptions.json"
        path.unlink() if content is None else path.write_bytes(content)

    return Case("Label files", kind, INDEX, words, make)


def photo(kind: str, content: bytes | Make | None, words: str, size: str = "8,6", outcome: str = "listed") -> Case:
    def make(folder: Path) -> None:
        put(write_data(folder, GOOD, f"x.jpg,1 2,{size},0") / "train" / "x.jpg", content)

    return Case("Photos of a data set", kind, INDEX, words, make, outcome)


def put(path: Path, content: bytes | Make | None) -> None:
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        content(path)


def coco(kind: str, words: str, outcome: str = "listed", **annotation: object) -> Case:
    good = {"image_id": 1, "category_id": 0, "segmentation": [[0, 0, 3, 0, 3, 3]]}
    faulty = {**good, "segmentation": [[0, 0, 4, 0, 4, 4]], **annotation}
    return Case(
        "Records of a COCO JSON", kind, INDEX, words, lambda folder: write_coco(folder, [good, faulty]), outcome
    )


def write_coco(folder: Path, annotations: list[dict[str, object]]) -> None:
    content = {
        "images": [{"id": 1, "file_name": "a.jpg", "height": 8, "width": 6}],
        "annotations": annotations,
        "categories": [{"id": 0, "name": "shirt"}],
    }
    root = write_data(folder)
    (root / "train.csv").unlink()
    (root / "train.json").write_text(json.dumps(content), encoding="utf-8")


def submission(kind: str, content: str | bytes | None, words: str, command: str = SCORE) -> Case:
    def make(folder: Path) -> None:
        write_data(folder, "a.jpg,1 2,8,6,0", "b.jpg,1 2,8,6,3_1")
        if isinstance(content, str):
            (folder / "sub.csv").write_text(f"ImageId,EncodedPixels,ClassId\na.jpg,1 2,0\n{content}\n")
        elif content is not None:
            (folder / "sub.csv").write_bytes(content)

    return Case("`imatfashion score`", kind, command, words, make)


def training(kind: str, options: str, words: str, make: Make | None = None) -> Case:
    def usual(folder: Path) -> None:
        write_data(folder, "a.jpg,1 2,8,6,0_1", "b.jpg,5 9,8,6,3", "c.jpg,7 20,8,6,0_4")
        if make is not None:
            make(folder)

    root = "" if "data.root" in options else " data.root=data"
    return Case("`train.py`", kind, f"python train.py{root} {options}".strip(), words, usual)


def weights(kind: str, content: bytes | Make | None, words: str, options: str = "") -> Case:
    def make(folder: Path) -> None:
        predictable(folder)
        (folder / "attributes.ckpt").write_bytes(checkpoint("attributes"))
        (folder / "classes.ckpt").unlink()
        put(folder / "classes.ckpt", content)

    return Case("Checkpoints", kind, f"{PREDICT} {options}".strip(), words, make)


def predictable(folder: Path) -> None:
    (folder / "photos").mkdir()
    (folder / "photos" / "ok.jpg").write_bytes(jpeg())
    (folder / "classes.ckpt").write_bytes(checkpoint("classes"))


def predicted(
    kind: str, name: str, content: bytes | Make | None, words: str, outcome: str = "listed", images: str = "photos"
) -> Case:
    def make(folder: Path) -> None:
        predictable(folder)
        put(folder / "photos" / name, content)

    command = PREDICT.replace("images=photos", f"images={images}")
    return Case("Photos for `predict.py`", kind, command, words, make, outcome)


def of(content: Callable[[], bytes]) -> Make:
    """A file whose content is made when it is needed: torch is slow to import."""
    return lambda path: path.write_bytes(content())


def rows(*lines: str) -> Make:
    return lambda folder: (folder / "data" / "train.csv").write_text("\n".join([HEADER, *lines]) + "\n")


def lone_photo(folder: Path) -> None:
    rows(GOOD)(folder)
    for name in "ac":
        (folder / "data" / "train" / f"{name}.jpg").unlink()


def no_attributes(folder: Path) -> None:
    rows(GOOD, "a.jpg,1 2,8,6,0", "c.jpg,1 2,8,6,0")(folder)
    path = folder / "data" / "label_descriptions.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"attributes": []}))


def remove_photos(folder: Path) -> None:
    for path in (folder / "data" / "train").iterdir():
        path.unlink()
    (folder / "data" / "train").rmdir()


MANY = " ".join(f"{2 * i + 1} 1" for i in range(100_000))
CASES = [
    row("run list: odd in length", "a.jpg,1 2 3,8,6,0", "the run list has 3 numbers, an odd count"),
    row("run list: not numbers", "a.jpg,1 two,8,6,0", "'two' is not a whole number"),
    row("run list: start of zero", "a.jpg,0 2,8,6,0", "the start 0 is below 1"),
    row("run list: length of zero", "a.jpg,1 0,8,6,0", "the length 0 is below 1"),
    row("run list: negative", "a.jpg,-1 2,8,6,0", "the number -1 is negative"),
    row("run list: overlapping", "a.jpg,1 4 3 2,8,6,0", "the runs at 1 and 3 overlap"),
    row("run list: past the end", "a.jpg,48 2,8,6,0", "the run 48 2 ends past the photo's 8 × 6 = 48 pixels"),
    row("run list: a billion pixels", "a.jpg,1 1000000000,8,6,0", "the run 1 1000000000 ends past the photo's"),
    row("run list: a number of 30 digits", f"a.jpg,1 {'9' * 30},8,6,0", "is too large"),
    row("run list: 100,000 runs on a small photo", f"a.jpg,{MANY},8,6,0", "the run 49 1 ends past"),
    row("run list: empty", "a.jpg,,8,6,0", "the mask has no run"),
    row("run list: out of order", "a.jpg,7 2 1 2,8,6,0", "no record was refused", "taken"),
    row("class id that is unknown", "a.jpg,1 2,8,6,7", "the class id 7 is not in the label file"),
    row("class id that is no number", "a.jpg,1 2,8,6,coat", "the class id 'coat' is not a whole number"),
    row("attribute id that is unknown", "a.jpg,1 2,8,6,0_2", "the attribute id 2 is not in the label file"),
    row("attribute id that is no number", "a.jpg,1 2,8,6,0_", "the attribute id '' is not a whole number"),
    row("size: not the file's", "a.jpg,1 2,9,6,0", "it has 8 × 6 pixels where the table says 9 × 6"),
    row("size: not an earlier row's", "b.jpg,1 2,9,6,0", "differs from an earlier row's 8 × 6"),
    row("size: no number", "a.jpg,1 2,eight,6,0", "the Height 'eight' is not a whole number"),
    row("size: zero", "a.jpg,1 2,0,6,0", "the size 0 × 6 is not a photo's"),
    row("size: a billion pixels", "a.jpg,1 2,1000000,1000,0", "the size 1000000 × 1000 is no photo's"),
    row("duplicate row", GOOD, "the row is a duplicate: an earlier one has the same photo, class and runs"),
    row("a cell too few", "a.jpg,1 2,8,6", "the row has 4 cells, not 5"),
    row("a lost quotation mark", '"a.jpg,1 2,8,6,0\nc.jpg,1 2,8,6,0', "spans lines 3 to 4: is a quotation mark lost?"),
    row("photo without a name", ",1 2,8,6,0", "the photo has no name"),
    row("photo's name leads up", "../a.jpg,1 2,8,6,0", "the photo's name leads out of the photo folder"),
    row("photo's name is absolute", "/photos/a.jpg,1 2,8,6,0", "the photo's name leads out of the photo folder"),
    row("photo's name has a NUL", "a\0.jpg,1 2,8,6,0", r"(a\x00.jpg): the photo's name has characters that cannot"),
    row("photo's name moves the cursor", "a\x1b[2J.jpg,1 2,8,6,0", r"(a\x1b[2J.jpg): the photo's name has characters"),
    row("photo's name has 5,000 letters", f"{'x' * 5000}.jpg,1 2,8,6,0", "file name too long"),
    Case(
        "Records of a CSV",
        "the first bad record, `on_bad=error`",
        f"{INDEX} --on-bad error",
        "data/train.csv, row 3 (a.jpg): 'two' is not a whole number",
        lambda folder: write_data(folder, GOOD, "a.jpg,1 two,8,6,0", "a.jpg,0 1,8,6,0"),
    ),
    coco("annotation of an unknown image", "the image id 9 is not among the images", image_id=9),
    coco("class id that is unknown", "the class id 7 is not in the label file", category_id=7),
    coco("class id that is text", "the class id '0' is not a whole number", category_id="0"),
    coco("polygon of a point", "a polygon is not a list of at least three x, y pairs", segmentation=[[1, 2]]),
    coco("polygon far outside", "lies far outside the photo", segmentation=[[0, 0, 1e9, 0, 3, 3]]),
    coco("counts that do not fill", "do not add up", segmentation={"size": [8, 6], "counts": [10, 5]}),
    coco("counts that are garbled", "the compressed counts", segmentation={"size": [8, 6], "counts": "garbage"}),
    coco("counts of a billion pixels", "do not add up", segmentation={"size": [8, 6], "counts": [0, 10**9]}),
    coco("counts of another size", "is not the image's [8, 6]", segmentation={"size": [6, 8], "counts": [48]}),
    Case(
        "Records of a COCO JSON",
        "no annotation at all",
        INDEX,
        "nothing in data/train.json can be used; the first fault: it lists no garment",
        lambda folder: write_coco(folder, []),
    ),
    photo("missing", None, "row 3 (x.jpg): it is missing"),
    photo("zero bytes", b"", "it is empty"),
    photo("truncated", jpeg(6, 8)[:-20], "it is truncated"),
    photo("not an image", b"no picture", "it is not an image"),
    photo("a folder", lambda path: path.mkdir(), "it is not a file"),
    photo("EXIF rotation, CSV has the size as shown", lambda path: turned(8, 6, path), "no record", outcome="taken"),
    photo("EXIF rotation, CSV has the size as stored", lambda path: turned(8, 6, path), "no record", "6,8", "taken"),
    photo("EXIF rotation, CSV has neither", lambda path: turned(8, 6, path), "8 × 6 pixels where the table", "8,7"),
    table("empty", b"", "data/train.csv is empty: it needs a header and a row for each garment"),
    table("header alone", HEADER.encode() + b"\n", "nothing in data/train.csv can be used"),
    table("all rows refused", f"{HEADER}\na.jpg,1 x,8,6,0\n".encode(), "nothing in data/train.csv can be used"),
    table("missing column", b"ImageId,EncodedPixels,Height,ClassId\na.jpg,1 2,8,0\n", "has no column Width"),
    table(
        "CSV of the wrong year (2020)",
        f"{HEADER},AttributesIds\na,1 2,8,6,0,1\n".encode(),
        "is an iMaterialist 2020 file (column AttributesIds): use data=imaterialist2020",
        f"{INDEX} --format imaterialist2019",
    ),
    table(
        "CSV of the wrong year (2019)",
        f"{HEADER}\n{GOOD}\n".encode(),
        "is an iMaterialist 2019 file (no AttributesIds): use data=imaterialist2019",
        f"{INDEX} --format imaterialist2020",
    ),
    table("not UTF-8", f"{HEADER}\n{GOOD}\nmode-d'été.jpg,1 2,8,6,0\n".encode("latin-1"), "not UTF-8 text: save it as"),
    table("UTF-16", f"{HEADER}\n{GOOD}\n".encode("utf-16"), "is not UTF-8 text"),
    table("UTF-8 with a byte order mark", f"{HEADER}\n{GOOD}\n".encode("utf-8-sig"), "no record was", outcome="taken"),
    table("a web page", b"<html><body>404</body></html>", "is of no known format (header <html>"),
    table("zeros", bytes(5), r"is of no known format (header \x00\x00"),
    Case(
        "Annotation files",
        "no such folder",
        "imatfashion index nowhere",
        "the data folder nowhere does not exist",
        lambda folder: None,
    ),
    Case(
        "Annotation files",
        "no annotations in the folder",
        INDEX,
        "data has none of train.csv, submission.csv, annotations.json",
        lambda folder: (folder / "data").mkdir(),
    ),
    Case(
        "Annotation files",
        "no photos in the folder",
        INDEX,
        "the photos of data/train.csv are not found: give their folder as data.photos (--photo-dir)",
        lambda folder: remove_photos(write_data(folder, GOOD).parent),
    ),
    labels("missing", None, "data has no label file (label_descriptions.json or"),
    labels("broken", b'{"categories": [', "is not valid JSON"),
    labels("not UTF-8", b"\xff\xfe{}", "is not UTF-8 text"),
    labels("foreign: a list", b"[1, 2]", "has no list 'categories'"),
    labels("foreign: other keys", b'{"images": []}', "has no list 'categories'"),
    labels("no category", b'{"categories": []}', "the list 'categories' of data/label_descriptions.json is empty"),
    labels("item without a name", b'{"categories": [{"id": 1}]}', "item 0 of 'categories' in data/label_desc"),
    labels("id that is text", b'{"categories": [{"id": "1", "name": "x"}]}', "has the id '1': ids are whole numbers"),
    labels("id that occurs twice", b'{"categories": [{"id":1,"name":"x"},{"id":1,"name":"y"}]}', "the id 1 occurs"),
    labels("nested 100,000 deep", b"[" * 100_000, "is not valid JSON (nested too deep)"),
    submission("photo that is unknown", "zz.jpg,1 2,0", "has the photo zz.jpg, which the truth does not have"),
    submission("class that is unknown", "a.jpg,1 2,7", "row 3 (a.jpg): the class id 7 is not in the label file"),
    submission("runs past 512 × 512", "a.jpg,262144 2,0", "ends past the photo's 512 × 512 = 262144 pixels"),
    submission("runs not in order", "a.jpg,9 2 5 2,0", "the runs are not in rising order"),
    submission("run list: odd in length", "a.jpg,1 2 3,0", "the run list has 3 numbers, an odd count"),
    submission("duplicate row", "a.jpg,1 2,0", "the row is a duplicate"),
    submission("one photo, two names", "a,5 2,0", "the submission has the photo a.jpg under two names"),
    submission("missing column", b"ImageId,EncodedPixels\na.jpg,1 2\n", "sub.csv has no column ClassId"),
    submission("empty", b"", "sub.csv is empty"),
    submission("a training CSV", f"{HEADER}\n{GOOD}\n".encode(), "sub.csv is no submission: it has Height"),
    submission("missing", None, "the submission sub.csv is not a file"),
    submission(
        "truth missing", "b.jpg,1 2,3", "the truth test.csv is not a file", "imatfashion score test.csv sub.csv"
    ),
    submission("nothing to score", None, "there is nothing to score", "imatfashion score data/train.csv"),
    training("data.root does not exist", "data.root=nowhere", "data.root=nowhere is not there"),
    training("data.root has no photos", "", "the photos of data/train.csv are not found", remove_photos),
    training("all rows refused", "", "nothing in data/train.csv can be used", rows("a.jpg,1 x,8,6,0")),
    training(
        "a bad record, `data.on_bad=error`",
        "data.on_bad=error",
        "data/train.csv, row 3 (a.jpg): 'two' is not a whole number",
        rows(GOOD, "a.jpg,1 two,8,6,0"),
    ),
    training("one photo alone", "", "the 1 photos of", lone_photo),
    training(
        "split file names unknown photos",
        "data.split_file=split.txt",
        "data.split_file=split.txt names 1 photo(s) that",
        lambda folder: (folder / "split.txt").write_text("a.jpg\nzz.jpg\n"),
    ),
    training(
        "split file leaves nothing",
        "data.split_file=split.txt",
        "leaves no photo for validation",
        lambda folder: (folder / "split.txt").touch(),
    ),
    training("split file missing", "data.split_file=gone.txt", "data.split_file=gone.txt cannot be read"),
    training("float16 on a processor", "gpu.precision=16-mixed", "gpu.precision=16-mixed is for GPUs"),
    training("label file missing", "data.labels=gone.json", "data/gone.json does not exist: correct data.labels"),
    training("no attributes to learn", "stage=attributes", "data has no attributes: its label file", no_attributes),
    training(
        "`init_from` of another network",
        "init_from=x.ckpt",
        "init_from=x.ckpt has backbone test_resnet.r160_in1k, this run",
        lambda folder: (folder / "x.ckpt").write_bytes(checkpoint("classes")),
    ),
    weights("missing", None, "there is no checkpoint classes.ckpt; a run's checkpoints are"),
    weights("a folder", lambda path: path.mkdir(), "classes.ckpt is a folder without runs"),
    weights("zero bytes", b"", "is not a torch file, or was cut short"),
    weights("truncated", of(lambda: checkpoint("classes")[:-5000]), "is not a torch file, or was cut short"),
    weights("a bare pickle with code", of(lambda: pickle.dumps(Payload())), "is not a torch file"),
    weights("a torch file with code", of(lambda: saved({"state_dict": Payload()})), "objects, which are never run"),
    weights("a foreign torch file", of(lambda: saved({"epoch": 1})), "is a torch file but not a checkpoint of"),
    weights(
        "precision of a GPU", of(lambda: checkpoint("classes")), "precision=16-mixed is for GPUs", "precision=16-mixed"
    ),
    weights("precision unknown", of(lambda: checkpoint("classes")), "precision=8 is not a choice", "precision=8"),
    weights("more than all gives way", of(lambda: checkpoint("classes")), "must lie between 0 and 1", "give_way=2"),
    weights(
        "too old to know what is small",
        of(lambda: checkpoint("classes")),
        "know how large each class is",
        "give_way=0.3",
    ),
    weights(
        "too old for the dense CRF", of(lambda: checkpoint("classes")), "know how large each class is", "dense_crf=true"
    ),
    weights("a size too many", of(lambda: checkpoint("classes")), "numbers between 0.25 and 4", "tta_scales=[1,9]"),
    weights("of the other stage", of(lambda: checkpoint("attributes")), "is a checkpoint of stage=attributes"),
    weights(
        "of the other stage, for attributes",
        of(lambda: checkpoint("classes")),
        "is a checkpoint of stage=classes, here one of stage=attributes is needed",
        "attributes_ckpt=classes.ckpt",
    ),
    predicted("no such folder", "", None, "there is no folder, list or photo nowhere", "stops", "nowhere"),
    predicted("no photo in the folder", "none", lambda path: path.mkdir(), "holds no photo", "stops", "photos/none"),
    predicted("no photo fits the pattern", "", None, "fits the pattern photos/*.png", "stops", "'\"photos/*.png\"'"),
    predicted("wrong kind of file", "notes.md", b"x", "is neither a photo", "stops", "photos/notes.md"),
    predicted("zero bytes", "x.jpg", b"", "x.jpg: it is empty"),
    predicted("truncated", "x.jpg", jpeg()[:1000], "x.jpg: it is truncated"),
    predicted("not an image", "x.jpg", b"no picture", "x.jpg: it is not an image"),
    predicted("a link to nothing", "x.jpg", lambda path: path.symlink_to("gone.jpg"), "x.jpg: it is missing"),
    predicted("HEIC of a phone", "x.heic", b"\0\0\0\x18ftypheic" + bytes(99), "it is a HEIC photo: convert it to JPEG"),
    predicted("PNG named .jpg", "x.jpg", lambda path: picture(90, 60).save(path, "PNG"), "prediction", "taken"),
    predicted("1 × 3000", "x.jpg", jpeg(3000, 1), "prediction", "taken"),
    predicted("CMYK", "x.jpg", lambda path: picture(90, 60).convert("CMYK").save(path), "prediction", "taken"),
    predicted("16-bit PNG", "x.png", deep, "prediction", "taken"),
    predicted("palette", "x.png", lambda path: picture(90, 60).convert("P").save(path), "prediction", "taken"),
    predicted(
        "animated GIF",
        "x.gif",
        lambda path: picture(90, 60).save(path, save_all=True, append_images=[picture(90, 60).rotate(180)]),
        "prediction",
        "taken",
    ),
    predicted("EXIF rotation", "x.jpg", lambda path: turned(90, 60, path), "prediction", "taken"),
    Case(
        "Others", "`report` of no run", "imatfashion report nowhere", "nowhere is not a directory", lambda folder: None
    ),
    Case(
        "Others",
        "`sample` into a folder in use",
        "imatfashion sample data",
        "data is not empty and holds no drawn sample",
        lambda folder: write_data(folder),
    ),
    Case(
        "Others",
        "`sample` of nothing",
        "imatfashion sample out --photos 0",
        "a sample of 0 photos is too small",
        lambda folder: None,
    ),
]


# Running them


def run(case: Case, folder: Path) -> Outcome:
    """Fill the folder and run the case's command there, in this process."""
    case.make(folder)
    program, arguments = words_of(case.command)
    with contextlib.chdir(folder):
        if program == "imatfashion":
            done = CliRunner().invoke(app, arguments)
            trace = "" if done.exception is None else "".join(traceback.format_exception(done.exception))
            ended = isinstance(done.exception, SystemExit | None)
            return Outcome(done.exit_code, done.stdout, done.stderr + ("" if ended else trace))
        return run_script(program, arguments)


def run_script(program: str, arguments: list[str]) -> Outcome:
    """Run train.py or predict.py as `python` does."""
    out, err, code, argv = io.StringIO(), io.StringIO(), 0, sys.argv
    sys.argv = [program, *arguments]
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            runpy.run_path(str(ROOT / program), run_name="__main__")
    except SystemExit as ended:
        code = int(ended.code or 0)
    finally:
        sys.argv = argv
    return Outcome(code, out.getvalue(), err.getvalue())


def run_process(case: Case, folder: Path) -> Outcome:
    """Fill the folder and run the case's command there, in a process of its own."""
    case.make(folder)
    program, arguments = words_of(case.command)
    start = ["-m", "imatfashion.cli"] if program == "imatfashion" else [str(ROOT / program)]
    command = [sys.executable, *start, *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    return Outcome(done.returncode, done.stdout, done.stderr)


def words_of(command: str) -> tuple[str, list[str]]:
    """The program and its arguments, with those that the table leaves out; later ones win."""
    program, *arguments = shlex.split(command.removeprefix("python "))
    given = {argument.split("=")[0] for argument in arguments}
    quiet = [argument for argument in shlex.split(QUIET.get(program, "")) if argument.split("=")[0] not in given]
    return program, quiet + arguments


def said_of(outcome: Outcome, folder: Path) -> str:
    """What the table quotes: no folder of this machine, no key of a table."""
    said = outcome.said
    for place in {str(folder), str(folder.resolve())}:
        said = said.replace(f"{place}/", "")
    said = re.sub(r"x{20,}", "xxx…", said)
    return re.sub(r"[0-9a-f]{20}(-[0-9a-f]{8})?\.table", "KEY.table", said)


# Tests


def check(case: Case, outcome: Outcome, folder: Path) -> None:
    assert "Traceback" not in outcome.out + outcome.err
    assert case.words in outcome.said, outcome
    assert outcome.code == (2 if case.outcome == "stops" else 0)
    assert not (folder / "EXECUTED").exists()
    if case.outcome == "stops":
        (line,) = outcome.err.splitlines()
        assert line.startswith("error: ")
        assert outcome.out == ""
    if case.outcome == "listed" and case.command.startswith("imatfashion index"):
        (found,) = (folder / "data" / ".imatfashion").glob("*.table/refused.csv")
        (refusal,) = csv.DictReader(found.read_text(encoding="utf-8").splitlines())
        assert refusal["reason"] in outcome.said


@pytest.mark.parametrize("case", CASES, ids=[f"{case.topic}: {case.kind}" for case in CASES])
def test_bad_input(case: Case, tmp_path: Path) -> None:
    outcome = run(case, tmp_path)
    check(case, outcome, tmp_path)
    page = (ROOT / "docs" / "BAD_INPUT.md").read_text(encoding="utf-8")
    lines = [line.removeprefix(beginning(case)) for line in page.splitlines() if line.startswith(beginning(case))]
    assert any(cell(case.words) in line for line in lines), "renew it: tests/show_bad_input.py"


OWN_PROCESS = [
    "run list: odd in length",
    "data.root does not exist",
    "a torch file with code",
    "truncated",
    "photo that is unknown",
]


@pytest.mark.parametrize("kind", OWN_PROCESS)
def test_bad_input_in_a_process_of_its_own(kind: str, tmp_path: Path) -> None:
    case = next(case for case in CASES if case.kind == kind)
    check(case, run_process(case, tmp_path), tmp_path)


def test_exif_rotation_in_training_takes_the_tables_size(tmp_path: Path) -> None:
    from imatfashion.data.build import open_table

    root = write_data(tmp_path, "up.jpg,1 2,8,6,0", "lying.jpg,1 2,6,8,0")
    for name in ("up", "lying"):
        turned(8, 6, root / "train" / f"{name}.jpg")
    table = open_table(root)
    assert table.refused == 0
    assert {table.name(i): table.size(i) for i in range(2)} == {"lying.jpg": (6, 8), "up.jpg": (8, 6)}


def test_photos_of_all_kinds_are_predicted_as_viewers_show_them(tmp_path: Path) -> None:
    cases = [case for case in CASES if case.topic == "Photos for `predict.py`" and case.outcome != "stops"]
    predictable(tmp_path)
    for number, case in enumerate(cases):
        (tmp_path / f"case{number}").mkdir()
        case.make(tmp_path / f"case{number}")
        for path in (tmp_path / f"case{number}" / "photos").glob("x.*"):
            path.rename(tmp_path / "photos" / f"{number}{path.suffix}")
    with contextlib.chdir(tmp_path):
        outcome = run_script(*words_of(PREDICT.replace("out.csv", "out.json size=photo format=coco")))
    assert outcome.code == 0
    unread = [case for case in cases if case.outcome == "listed"]
    assert f"{len(unread)} of {len(cases) + 1} photos could not be read" in outcome.err
    images = json.loads((tmp_path / "out.json").read_text())["images"]
    sizes = {
        cases[int(Path(i["file_name"]).stem)].kind: (i["height"], i["width"])
        for i in images
        if i["file_name"][0] != "o"
    }
    assert len(sizes) == len(cases)
    assert sizes["EXIF rotation"] == (90, 60)
    assert sizes["1 × 3000"] == (1, 3000)
    others = [case.kind for case in cases if case.outcome == "taken" and case.kind not in ("EXIF rotation", "1 × 3000")]
    assert {sizes[kind] for kind in others} == {(60, 90)}


def sentences() -> Iterator[tuple[str, str]]:
    """Where, and beginning and end of, each error message that is written out in the source."""
    for path in sorted((ROOT / "src").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in (
                "FashionError",
                "RunError",
                "FieldError",
            ):
                (message,) = node.args
                if isinstance(message, ast.JoinedStr | ast.Constant):
                    yield f"{path.name}:{node.lineno}", ast.unparse(message).lstrip("f").strip("'\"")


def test_sentences_are_of_one_style() -> None:
    names = ("ImageNet", "RUN_DIR")
    for place, sentence in sentences():
        assert not sentence[0].isupper() or sentence.startswith(names), place
        assert not sentence.endswith("."), place


def beginning(case: Case) -> str:
    """The first cells of a case's line in the table."""
    return f"| {cell(case.kind)} | `{case.command}` | {case.outcome} | "


def cell(text: str) -> str:
    """Text in a cell of a Markdown table."""
    return text.replace("|", "\\|").replace("<", "&lt;")
