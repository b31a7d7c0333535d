"""Building and reopening tables: every bad record has a reason, every bad file a sentence."""

from __future__ import annotations

import csv
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imatfashion.data.build import build_table, open_table
from imatfashion.data.plain_text import plain_cell
from imatfashion.data.sources import DataFiles, open_source
from imatfashion.errors import FashionError

HEADER = "ImageId,EncodedPixels,Height,Width,ClassId"
Make = Callable[..., Path]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """A data set of the given rows; photos a.jpg, b.jpg and c.jpg, 8 × 6 pixels, noise."""

    def build(*rows: str, header: str = HEADER, name: str = "data") -> Path:
        root = tmp_path / name
        (root / "train").mkdir(parents=True)
        labels = {
            "categories": [{"id": i, "name": str(i)} for i in (0, 3, 23)],
            "attributes": [{"id": i, "name": str(i)} for i in (1, 4)],
        }
        (root / "label_descriptions.json").write_text(json.dumps(labels))
        (root / "train.csv").write_text("\n".join([header, *rows]) + "\n")
        noise = np.random.default_rng(0).integers(0, 255, (8, 6, 3)).astype(np.uint8)
        for photo in "abc":
            Image.fromarray(noise).save(root / "train" / f"{photo}.jpg")
        return root

    return build


def refused(root: Path) -> list[tuple[str, str, str]]:
    table = open_table(root)
    with (table.path / "refused.csv").open(newline="") as file:
        rows = [(row["row"], row["photo"], row["reason"]) for row in csv.DictReader(file)]
    assert table.refused == len(rows)
    return rows


GOOD = "a.jpg,1 2,8,6,0_1"


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("a.jpg,1 2 3,8,6,0", "3 numbers, an odd count"),
        ("a.jpg,1 x,8,6,0", "'x' is not a whole number"),
        ("a.jpg,0 2,8,6,0", "the start 0 is below 1"),
        ("a.jpg,1 0,8,6,0", "the length 0 is below 1"),
        ("a.jpg,-1 2,8,6,0", "the number -1 is negative"),
        ("a.jpg,1 4 3 2,8,6,0", "the runs at 1 and 3 overlap"),
        ("a.jpg,48 2,8,6,0", "ends past the photo's 8 × 6 = 48 pixels"),
        ("a.jpg,,8,6,0", "the mask has no run"),
        ("a.jpg,3 2,8,6,7", "the class id 7 is not in the label file"),
        ("a.jpg,3 2,8,6,0_2", "the attribute id 2 is not in the label file"),
        ("a.jpg,3 2,8,6,coat", "the class id 'coat' is not a whole number"),
        ("a.jpg,3 2,8,6,0_", "the attribute id '' is not a whole number"),
        ("a.jpg,3 2,8,6,", "the class id '' is not a whole number"),
        ("a.jpg,3 2,eight,6,0", "the Height 'eight' is not a whole number"),
        ("a.jpg,3 2,8,6.0,0", "the Width '6.0' is not a whole number"),
        ("a.jpg,3 2,0,6,0", "the size 0 × 6 is not a photo's"),
        ("a.jpg,3 2,90000,90000,0", "the size 90000 × 90000 is no photo's"),
        ("a.jpg,3 2,9,6,0", "the size 9 × 6 differs from an earlier row's 8 × 6"),
        ("a.jpg,1 2,8,6,0_4", "a duplicate"),
        ("a.jpg,3 2,8,6", "the row has 4 cells, not 5"),
        ("a.jpg,3 2,8,6,0,9", "the row has 6 cells, not 5"),
        (",3 2,8,6,0", "the photo has no name"),
        ("../a.jpg,3 2,8,6,0", "leads out of the photo folder"),
        ("x/../../a.jpg,3 2,8,6,0", "leads out of the photo folder"),
        ("..\\a.jpg,3 2,8,6,0", "leads out of the photo folder"),
        ("/etc/a.jpg,3 2,8,6,0", "leads out of the photo folder"),
        ("C:\\a.jpg,3 2,8,6,0", "leads out of the photo folder"),
        ("./a.jpg,3 2,8,6,0", "not a plain path"),
        ("a\0.jpg,3 2,8,6,0", "cannot be printed"),
    ],
)
def test_a_bad_row_is_refused_with_its_line_and_reason(make: Make, row: str, reason: str):
    root = make(GOOD, row, "b.jpg,1 1,8,6,3")
    rows = refused(root)
    assert [line for line, _, _ in rows] == ["3"]
    assert reason in rows[0][2]
    assert len(open_table(root).garment_row) == 2


def test_bad_photos_are_refused(make: Make):
    root = make(GOOD, "b.jpg,1 2,9,6,0", "none.jpg,1 2,8,6,0", "cut.jpg,1 2,8,6,0", "text.jpg,1 2,8,6,0")
    whole = (root / "train" / "a.jpg").read_bytes()
    (root / "train" / "cut.jpg").write_bytes(whole[: len(whole) * 3 // 4])
    (root / "train" / "text.jpg").write_text("no picture")
    rows = refused(root)
    assert [(line, photo) for line, photo, _ in rows] == [
        ("3", "b.jpg"),
        ("4", "none.jpg"),
        ("5", "cut.jpg"),
        ("6", "text.jpg"),
    ]
    assert all(reason for _, _, reason in rows)
    # A photo whose rows were all refused is not taken for one without garments; one without rows is.
    table = open_table(root)
    assert [table.name(i) for i in range(len(table))] == ["a.jpg", "c.jpg"]
    assert list(table.garments(1)) == []


def test_a_photo_whose_first_row_has_a_wrong_size_keeps_its_others(make: Make):
    root = make("a.jpg,1 2,9,9,0", GOOD)
    assert [line for line, _, _ in refused(root)] == ["2"]
    assert open_table(root).size(0) == (8, 6)


def test_either_orientation_of_a_turned_photo_is_accepted(make: Make):
    root = make(GOOD, "b.jpg,1 2,6,8,0")
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.open(root / "train" / "b.jpg").save(root / "train" / "b.jpg", exif=exif)
    assert refused(root) == []


def test_photos_are_looked_at_unless_told_otherwise(make: Make):
    root = make(GOOD, "b.jpg,1 2,8,6,3")
    (root / "train" / "b.jpg").write_bytes(b"no picture")
    looked = build_table(open_source(root), root / "looked.table")
    unseen = build_table(open_source(root), root / "unseen.table", check_photos=False)
    assert (looked.refused, unseen.refused) == (1, 0)


def test_photos_without_rows_belong_to_the_csv_of_their_folder_only(make: Make):
    root = make(GOOD)
    assert len(open_table(root)) == 3
    assert len(open_table(root, check_photos=False)) == 1
    shutil.copy(root / "train.csv", root / "part.csv")
    assert len(open_table(root, DataFiles(annotations="part.csv", photos="train"))) == 1


@pytest.mark.parametrize(
    ("header", "rows"),
    [
        (f"{HEADER},AttributesIds", ["a,1 5,8,6,0,", "b,1 5 3 4,8,6,0,"]),
        ("ClassId,ImageId,EncodedPixels,Height,Width", ["0,a.jpg,1 5,8,6", "0,b.jpg,1 5,8,6,9"]),
    ],
    ids=["no ending", "another order"],
)
def test_a_photo_whose_rows_were_all_refused_is_not_one_without_garments(make: Make, header: str, rows: list[str]):
    table = open_table(make(*rows, header=header))
    assert [table.name(photo) for photo in range(len(table))] == ["a.jpg", "c.jpg"]
    assert table.meta["left_out"] == ["b.jpg"]
    with (table.path / "refused.csv").open(encoding="utf-8", newline="") as file:
        assert [row["photo"] for row in csv.DictReader(file)] == ["b.jpg"]


def test_a_photo_without_rows_that_cannot_be_read_is_refused_without_a_row(make: Make):
    root = make(GOOD)
    (root / "train" / "c.jpg").write_bytes(b"no picture")
    assert refused(root) == [("", "c.jpg", "it is not an image")]


def test_on_bad_error_stops_at_the_first_also_on_reopening(make: Make):
    root = make(GOOD, "a.jpg,1 x,8,6,0", "a.jpg,0 1,8,6,0")
    with pytest.raises(FashionError, match=r"train\.csv, row 3 \(a\.jpg\): 'x' is not a whole number$"):
        open_table(root, DataFiles(on_bad="error"))
    assert not list(root.glob(".imatfashion/*"))
    open_table(root)
    with pytest.raises(FashionError, match=r"row 3 \(a\.jpg\): 'x'"):
        open_table(root, DataFiles(on_bad="error"))
    with pytest.raises(FashionError, match="on_bad=stop is unknown"):
        build_table(open_source(root), root / "x.table", on_bad="stop")
    with pytest.raises(FashionError, match="on_bad=stop is unknown"):
        open_table(root, DataFiles(on_bad="stop"))


def test_on_bad_error_of_prepared_data(make: Make, tmp_path: Path):
    prepared = tmp_path / "prepared"
    shutil.copytree(open_table(make(GOOD, "a.jpg,1 x,8,6,0")).path, prepared)
    meta = json.loads((prepared / "meta.json").read_text())
    (prepared / "meta.json").write_text(json.dumps(meta | {"kind": "prepared", "resolution": 8}))
    assert open_table(prepared).refused == 1
    with pytest.raises(FashionError, match=r"was prepared without 1 bad record\(s\), which its refused\.csv lists"):
        open_table(prepared, DataFiles(on_bad="error"))


def test_refused_cells_are_no_formulas(make: Make):
    for text in ("=1+1", "+1", "-1", "@a", "\tx", "\rx"):
        assert plain_cell(text) == f"'{text}"
    assert plain_cell("a=1") == "a=1"
    rows = refused(make(GOOD, '"=HYPERLINK(""x"")",1 2,8,6,zero'))
    assert rows[0][1].startswith("'=HYPERLINK")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is empty"),
        (b"\n\n", "is empty"),
        (b"ImageId,EncodedPixels,Width,ClassId\n", "has no column Height"),
        (b"ImageId,EncodedPixels,ClassId\n", "has no column Height"),
        (b"ImageId,EncodedPixels,Height,Width\n", "has no column ClassId"),
        (HEADER.encode() + b"\n", "can be used; the first fault: it lists no garment"),
        (HEADER.encode() + b"\na.jpg,1 x,8,6,0\n", "can be used; the first fault: "),
        (HEADER.encode() + b"\n\xff\xfe,1 2,8,6,0\n", "is not UTF-8 text"),
        ((HEADER + "\na.jpg,1 2,8,6,0\n").encode("utf-16"), "is not UTF-8 text"),
        (b"name,price\nx,3\n", "is of no known format"),
    ],
)
def test_a_bad_file_is_one_sentence(make: Make, content: bytes, sentence: str):
    root = make()
    for photo in (root / "train").iterdir():
        photo.unlink()
    (root / "train.csv").write_bytes(content)
    with pytest.raises(FashionError) as caught:
        open_table(root)
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_photo_folder_is_one_sentence(make: Make):
    root = make(GOOD)
    shutil.rmtree(root / "train")
    with pytest.raises(FashionError, match=r"give their folder as data\.photos"):
        open_table(root)
    assert len(open_table(root, check_photos=False)) == 1


def test_the_table_is_built_once_and_anew_after_a_change(make: Make):
    root = make(GOOD)
    told: list[tuple[int, int]] = []
    first = open_table(root, progress=lambda *place: told.append(place))
    assert told
    assert all(0 <= done <= total == (root / "train.csv").stat().st_size for done, total in told)
    assert first.path.parent == root / ".imatfashion"
    before = (first.path / "meta.json").stat().st_ino
    assert open_table(root).path == first.path
    assert (first.path / "meta.json").stat().st_ino == before
    with (root / "train.csv").open("a") as file:
        file.write("b.jpg,1 2,8,6,0\n")
    changed = open_table(root)
    assert changed.path != first.path
    assert len(changed.garment_row) == 2


def test_a_repaired_photo_makes_the_table_anew(make: Make):
    root = make(GOOD, "b.jpg,1 2,8,6,0")
    whole = (root / "train" / "b.jpg").read_bytes()
    (root / "train" / "b.jpg").write_bytes(whole[:-30])
    assert open_table(root).refused == 1
    (root / "train" / "b.jpg").write_bytes(whole)
    assert open_table(root).refused == 0
    assert len(list((root / ".imatfashion").iterdir())) == 1


def test_a_photo_that_was_missing_makes_the_table_anew(make: Make):
    root = make(GOOD, "d.jpg,1 2,8,6,0")
    assert open_table(root).refused == 1
    shutil.copy(root / "train" / "a.jpg", root / "train" / "d.jpg")
    assert open_table(root).refused == 0


@pytest.mark.parametrize("most", [1000, 0], ids=["each is listed", "their folders are"])
@pytest.mark.parametrize("name", ["sub/d.jpg", "sub/deep/er/d.jpg", "new/d.jpg", ".d.jpg"])
def test_a_photo_that_was_missing_below_a_subfolder_makes_the_table_anew(
    make: Make, monkeypatch: pytest.MonkeyPatch, name: str, most: int
):
    monkeypatch.setattr("imatfashion.data.table.photo_faults._MOST_MISSING", most)
    if not most and name.startswith("."):
        pytest.skip("names right in the photo folder are not counted by folder")
    root = make(GOOD, f"{name},1 2,8,6,0")
    (root / "train" / "sub").mkdir()
    assert open_table(root).refused == 1
    before = (open_table(root).path / "meta.json").stat().st_ino
    assert (open_table(root).path / "meta.json").stat().st_ino == before
    (root / "train" / name).parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(root / "train" / "a.jpg", root / "train" / name)
    assert open_table(root).refused == 0
    assert open_table(root).find(name) is not None


def test_a_folder_of_missing_photos_is_one_record(make: Make, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("imatfashion.data.table.photo_faults._MOST_MISSING", 2)
    names = [f"sub/{i}.jpg" for i in range(9)] + [f"sub/{i}/front.jpg" for i in range(9)]
    root = make(GOOD, *(f"{name},1 2,8,6,0" for name in (*names, "d.jpg", "none/d.jpg")))
    (root / "train" / "sub").mkdir()
    assert list(open_table(root).meta["photo_faults"]) == ["sub/0.jpg", "sub/1.jpg", "sub"]


def test_a_photo_that_arrives_while_it_is_looked_at_is_noticed(make: Make, monkeypatch: pytest.MonkeyPatch):
    from imatfashion.data.table import builder

    root = make(GOOD, "sub/d.jpg,1 2,8,6,0")
    (root / "train" / "sub").mkdir()
    check = builder.check_photo

    def late(path: Path, height: int, width: int) -> str | None:
        reason = check(path, height, width)
        if reason is not None:
            shutil.copy(root / "train" / "a.jpg", path)
        return reason

    monkeypatch.setattr(builder, "check_photo", late)
    assert open_table(root).refused == 1
    assert open_table(root).refused == 0


def test_data_and_table_can_move_together(make: Make, tmp_path: Path):
    root = make(GOOD)
    open_table(root)
    moved = root.rename(tmp_path / "elsewhere")
    assert open_table(moved).photo_dir == moved / "train"
    assert len(list((moved / ".imatfashion").iterdir())) == 1


def test_a_read_only_folder_is_left_alone(make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("IMATFASHION_CACHE", str(tmp_path / "cache"))
    root, other = make(GOOD), make(GOOD, name="other")
    for folder in (root, other):
        os.utime(folder / "train.csv", (1e9, 1e9))
        os.utime(folder / "label_descriptions.json", (1e9, 1e9))
        folder.chmod(0o555)
    try:
        assert open_table(root).path.parent == tmp_path / "cache"
        # A twin of the data elsewhere has its own photos.
        assert open_table(other).photo_dir == other / "train"
        assert open_table(root).photo_dir == root / "train"
    finally:
        for folder in (root, other):
            folder.chmod(0o755)


def test_groups_come_from_a_column(make: Make):
    header = HEADER + ",article"
    root = make(GOOD + ",shoe 7", "a.jpg,5 1,8,6,3,other", "b.jpg,1 2,8,6,0,", header=header)
    table = open_table(root, DataFiles(group_by="article"))
    assert [table.group(i) for i in range(len(table))] == ["shoe 7", "", ""]
    assert open_table(root).group(0) == ""
    assert open_table(root, DataFiles(group_by=r"^(\d+)")).group(0) == ""


def test_the_real_street_photos(shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("IMATFASHION_CACHE", str(tmp_path))
    table = open_table(shared / "data" / "ccp")
    assert (len(table), len(table.garment_row), table.refused) == (804, 4255, 0)
    bare = table.find("0536.jpg")
    assert bare is not None
    assert list(table.garments(bare)) == []
    assert not (shared / "data" / "ccp" / ".imatfashion").exists()
