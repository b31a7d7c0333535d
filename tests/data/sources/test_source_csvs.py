"""The CSV formats: both years' training files and submissions."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from imatfashion.data.records import EmptyPhoto, Garment, Record, Refusal
from imatfashion.data.sources import DataFiles, open_source, submission
from imatfashion.errors import FashionError

HEADER_2019 = "ImageId,EncodedPixels,Height,Width,ClassId"
HEADER_2020 = "ImageId,EncodedPixels,Height,Width,ClassId,AttributesIds"


def make(root: Path, text: str, name: str = "train.csv") -> Path:
    labels = {
        "categories": [{"id": i, "name": str(i)} for i in (0, 3, 23)],
        "attributes": [{"id": i, "name": str(i)} for i in (1, 340)],
    }
    (root / "label_descriptions.json").write_text(json.dumps(labels))
    (root / name).write_text(text)
    return root


def records(root: Path, **options: str) -> list[Record]:
    return list(open_source(root, DataFiles(**options)).records())


def garment(record: Record) -> Garment:
    assert isinstance(record, Garment), record
    return record


def test_2019_class_and_attributes_share_a_cell(tmp_path: Path):
    root = make(tmp_path, f"{HEADER_2019}\na.jpg,2 3 8 1,4,5,3_340_1_340\nb.jpg,1 1,4,5,0\n")
    assert open_source(root).format == "imaterialist2019"
    first, second = map(garment, records(root))
    assert (first.photo, first.height, first.width, first.row) == ("a.jpg", 4, 5, 2)
    assert (first.class_id, first.attribute_ids) == (3, (340, 1))
    assert (first.runs.starts.tolist(), first.runs.lengths.tolist()) == ([1, 7], [3, 1])
    assert second.attribute_ids is None  # none given means left open


def test_columns_may_stand_in_any_order(tmp_path: Path):
    root = make(tmp_path, "ClassId,Width,extra,Height,ImageId,EncodedPixels\n0,5,x,4,a.jpg,2 3\n")
    record = garment(records(root)[0])
    assert (record.photo, record.height, record.width, record.class_id) == ("a.jpg", 4, 5, 0)


def test_2020_attributes_have_a_column_and_names_no_ending(tmp_path: Path):
    text = f'{HEADER_2020}\na,1 1,4,5,3,"340,1"\nb,1 1,4,5,0,\nc,1 1,4,5,0,1\nd.jpg,1 1,4,5,0,1\n../e,1 1,4,5,0,\n'
    root = make(tmp_path, text)
    (root / "train").mkdir()
    for name in ("a.jpg", "b.PNG", ".b.jpg", "d.jpg"):
        (root / "train" / name).write_bytes(b"")
    source = open_source(root)
    assert (source.format, source.photo_dir) == ("imaterialist2020", root / "train")
    *good, bad = source.records()
    assert [garment(r).photo for r in good] == ["a.jpg", "b.PNG", "c.jpg", "d.jpg"]
    assert [garment(r).attribute_ids for r in good] == [(340, 1), None, (1,), (1,)]
    assert isinstance(bad, Refusal)
    assert bad.reason == "the photo's name leads out of the photo folder"


def test_2020_faulty_attributes(tmp_path: Path):
    rows = records(make(tmp_path, f'{HEADER_2020}\na,1 1,4,5,3,"340,"\na,1 1,4,5,3_1,\n'))
    assert [r.reason for r in rows if isinstance(r, Refusal)] == [
        "the attribute id '' is not a whole number",
        "the class id '3_1' is not a whole number",
    ]


def test_the_wrong_year_is_named_with_the_right_option(tmp_path: Path):
    with pytest.raises(FashionError, match=r"is an iMaterialist 2020 file .*use data=imaterialist2020"):
        open_source(make(tmp_path, f"{HEADER_2020}\n"), DataFiles(format="imaterialist2019"))
    with pytest.raises(FashionError, match=r"is an iMaterialist 2019 file .*use data=imaterialist2019"):
        open_source(make(tmp_path, f"{HEADER_2019}\n"), DataFiles(format="imaterialist2020"))


def test_a_submission_lies_on_its_grid_and_its_filler_is_dropped(tmp_path: Path):
    text = (
        "ImageId,EncodedPixels,ClassId\n"
        "bare.jpg,1 1,23\n"  # filler: the photo's only row
        "a.jpg,1 1,23\n"  # a garment: the photo has another row
        "a.jpg,262144 1,3_1\n"
        "twice.jpg,1 1,23\n"
        "twice.jpg,1 1,23\n"
        "other.jpg,1 1,0\n"
        "long.jpg,262144 2,0\n"
        "empty.jpg,,0\n"
        "tagged.jpg,1 1,23_1\n"
    )
    root = make(tmp_path, text, "submission.csv")
    source = open_source(root)
    assert (source.format, source.grid, source.photo_dir) == ("submission", 512, None)
    found = list(source.records())
    assert EmptyPhoto("bare.jpg", 512, 512) in found
    assert [r for r in found if isinstance(r, Refusal)] == [
        Refusal(8, "long.jpg", "the run 262144 2 ends past the photo's 512 × 512 = 262144 pixels")
    ]
    garments = sorted((r.row, r.photo, r.class_id, r.attribute_ids) for r in found if isinstance(r, Garment))
    assert garments == [
        (3, "a.jpg", 23, ()),
        (4, "a.jpg", 3, (1,)),
        (5, "twice.jpg", 23, ()),
        (6, "twice.jpg", 23, ()),
        (7, "other.jpg", 0, ()),
        (9, "empty.jpg", 0, ()),
        (10, "tagged.jpg", 23, (1,)),
    ]


def test_filler_of_a_class_that_the_label_file_lacks_is_still_filler(tmp_path: Path):
    root = make(tmp_path, "ImageId,EncodedPixels,ClassId\na.jpg,1 1,23\n", "s.csv")
    (root / "label_descriptions.json").write_text('{"categories": [{"id": 0, "name": "coat"}]}')
    assert records(root, annotations="s.csv") == [EmptyPhoto("a.jpg", 512, 512)]


def test_a_submission_may_be_asked_to_keep_the_order(tmp_path: Path):
    root = make(tmp_path, "ImageId,EncodedPixels,ClassId\na.jpg,9 1 1 1,0\n", "submission.csv")
    source = open_source(root)
    assert isinstance(next(submission.read(source)), Garment)
    refusal = next(submission.read(source, sorted_only=True))
    assert isinstance(refusal, Refusal)
    assert "rising order" in refusal.reason


def test_a_test_file_has_its_photos_beside_it(tmp_path: Path):
    root = make(tmp_path, f"{HEADER_2019}\n", "test.csv")
    (root / "test").mkdir()
    assert open_source(root / "test.csv").photo_dir == root / "test"
    assert open_source(root, DataFiles(annotations="test.csv")).photo_dir == root / "test"


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"format": "imaterialist2018"}, "format=imaterialist2018 is unknown: it is one of auto, "),
        ({"annotations": "none.csv"}, r"none\.csv does not exist: correct data\.annotations"),
        ({"photos": "none"}, r"none does not exist: correct data\.photos"),
        ({"labels": "none.json"}, r"none\.json does not exist: correct data\.labels"),
        ({"format": "coco"}, r"has none of annotations\.json"),
        ({"format": "coco", "annotations": "train.csv"}, "is not a valid COCO JSON file"),
        ({"format": "pngs", "annotations": "train.csv"}, "is a file, which data=pngs does not read"),
        ({"format": "submission", "annotations": "."}, "is a folder, which data=submission does not read"),
        ({"labels": "train.csv"}, "is not valid JSON"),
    ],
)
def test_what_cannot_be_found_is_a_sentence(tmp_path: Path, options: dict[str, str], sentence: str):
    with pytest.raises(FashionError, match=sentence):
        open_source(make(tmp_path, f"{HEADER_2019}\n"), DataFiles(**options))


def test_an_empty_and_a_missing_folder_are_sentences(tmp_path: Path):
    with pytest.raises(FashionError, match=r"has none of train\.csv"):
        open_source(tmp_path)
    with pytest.raises(FashionError, match=r"the data folder .* does not exist"):
        open_source(tmp_path / "none")
    make(tmp_path, f"{HEADER_2019}\n")
    (tmp_path / "label_descriptions.json").unlink()
    with pytest.raises(FashionError, match="has no label file"):
        open_source(tmp_path)
