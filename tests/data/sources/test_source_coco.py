"""COCO and Fashionpedia files: polygons, both kinds of runs, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as coco_mask

from imatfashion.data.build import open_table
from imatfashion.data.records import EmptyPhoto, Garment, Refusal
from imatfashion.data.sources import DataFiles, open_source
from imatfashion.errors import FashionError
from imatfashion.masks.runs import decode_runs

SQUARE = [1, 1, 5, 1, 5, 4, 1, 4]
CATEGORIES = [{"id": 5, "name": "coat", "supercategory": "body"}, {"id": 9, "name": "hat"}]


def image(image_id: object = 1, name: str = "a.jpg", height: Any = 6, width: Any = 8) -> dict[str, Any]:
    return {"id": image_id, "file_name": name, "height": height, "width": width}


def annotation(**changes: Any) -> dict[str, Any]:
    return {"image_id": 1, "category_id": 5, "segmentation": [SQUARE], **changes}


def make(root: Path, annotations: list[Any], images: list[Any] | None = None, **lists: Any) -> Path:
    content = {"images": images or [image()], "annotations": annotations, "categories": CATEGORIES, **lists}
    (root / "annotations.json").write_text(json.dumps(content))
    (root / "images").mkdir(exist_ok=True)
    Image.fromarray(np.zeros((6, 8, 3), dtype=np.uint8)).save(root / "images" / "a.jpg")
    return root


def test_polygons_and_both_kinds_of_runs_are_one_mask(tmp_path: Path):
    encoded = coco_mask.frPyObjects([SQUARE], 6, 8)[0]
    expected = np.zeros((6, 8), dtype=bool)
    expected[1:4, 1:5] = True
    plain = [7, 3, 3, 3, 3, 3, 3, 3, 20]
    size = [6, 8]
    shapes = [[SQUARE], {"size": size, "counts": encoded["counts"].decode()}, {"size": size, "counts": plain}]
    source = open_source(make(tmp_path, [annotation(segmentation=shape) for shape in shapes]))
    assert (source.format, source.classes.ids, len(source.attributes)) == ("coco", (5, 9), 0)
    assert source.photo_dir == tmp_path / "images"
    for row, record in enumerate(source.records()):
        assert isinstance(record, Garment)
        np.testing.assert_array_equal(decode_runs(record.runs, 6, 8), expected)
        assert (record.photo, record.class_id, record.attribute_ids, record.row) == ("a.jpg", 5, None, row)


def test_attributes_are_read_and_photos_without_annotations_kept(tmp_path: Path):
    given = [annotation(attribute_ids=[7, 300, 7]), annotation(attribute_ids=[])]
    attributes = [{"id": 7, "name": "red"}, {"id": 300, "name": "long"}]
    root = make(tmp_path, given, [image(), image("x", "b.jpg")], attributes=attributes)
    first, second, empty = open_source(root).records()
    assert isinstance(first, Garment)
    assert isinstance(second, Garment)
    assert (first.attribute_ids, second.attribute_ids) == ((7, 300), None)
    assert empty == EmptyPhoto("b.jpg", 6, 8)


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (3, "the image id None is not among the images"),
        (annotation(image_id=2), "the image id 2 is not among"),
        (annotation(image_id=[1]), "the image id [1] is not among"),
        (annotation(category_id="5"), "the class id '5' is not a whole number"),
        (annotation(category_id=None), "the class id 'None' is not a whole number"),
        (annotation(category_id=6), "the class id 6 is not in the label file"),
        (annotation(attribute_ids=[1]), "the attribute id 1 is not in the label file"),
        (annotation(attribute_ids="1"), "the attribute_ids are not a list"),
        (annotation(attribute_ids=[1.5]), "the attribute id '1.5' is not a whole number"),
        (annotation(segmentation=None), "neither polygons nor run counts"),
        (annotation(segmentation=[]), "no polygon"),
        (annotation(segmentation=[[1, 2, 3]]), "at least three"),
        (annotation(segmentation=[[1, 1, 1, 1, 1, 1]]), "the mask is empty"),
        (annotation(segmentation={"size": [8, 6], "counts": [48]}), "size [8, 6] is not the image's [6, 8]"),
        (annotation(segmentation={"counts": [48]}), "size None is not"),
        (annotation(segmentation={"size": [6, 8]}), "has no counts"),
        (annotation(segmentation={"size": [6, 8], "counts": [40, 7]}), "do not add up"),
        (annotation(segmentation={"size": [6, 8], "counts": "oo"}), "break off"),
        (annotation(), "a duplicate"),
    ],
)
def test_bad_annotations_are_refused(tmp_path: Path, wrong: Any, reason: str):
    root = make(tmp_path, [annotation(), wrong])
    table = open_table(root)
    assert (len(table.garment_row), table.refused) == (1, 1)
    line = (table.path / "refused.csv").read_text().splitlines()[1]
    assert line.startswith("1,")
    assert reason in line


@pytest.mark.parametrize(
    "wrong",
    [
        3,
        image(name="../b.jpg"),
        image(2, height="6"),
        image(2, height=0),
        image(1.5),
        image(1),
        {"id": 2},
        image(True, "b.jpg"),
    ],
)
def test_bad_images_are_refused_without_a_row(tmp_path: Path, wrong: Any):
    refusal, garment = open_source(make(tmp_path, [annotation()], [image(), wrong])).records()
    assert isinstance(refusal, Refusal)
    assert (refusal.row, isinstance(garment, Garment)) == (-1, True)


def test_labels_come_from_a_label_file_where_the_json_has_none(tmp_path: Path):
    make(tmp_path, [annotation()], categories=[])
    with pytest.raises(FashionError, match="has no categories of its own"):
        open_source(tmp_path)
    path = tmp_path / "category_attributes_descriptions.json"
    path.write_text(json.dumps({"categories": CATEGORIES, "attributes": [{"id": 0, "name": "red"}]}))
    source = open_source(tmp_path)
    assert (source.labels_path, len(source.attributes)) == (path, 1)


def test_a_list_of_results_is_no_source(tmp_path: Path):
    make(tmp_path, [])
    (tmp_path / "annotations.json").write_text("[]")
    with pytest.raises(FashionError, match=r"'\{' expected where '\[' stands"):
        open_source(tmp_path)


def test_the_published_sample(shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("IMATFASHION_CACHE", str(tmp_path))
    root = shared / "data" / "fashionpedia_sample"
    content = json.loads((root / "sample.json").read_text())
    table = open_table(root, DataFiles(annotations="sample.json"))
    assert (len(table), table.refused, table.photo_dir) == (2, 0, root.resolve())
    for garment, item in enumerate(content["annotations"]):
        height, width = table.size(int(table.garment_photo[garment]))
        encoded = coco_mask.merge(coco_mask.frPyObjects(item["segmentation"], height, width))
        assert table.garment_area[garment] == coco_mask.area(encoded)
        ids = {table.attributes.ids[i] for i in np.flatnonzero(table.garment_attributes[garment])}
        assert ids == set(item["attribute_ids"])
        assert table.classes.ids[table.garment_class[garment]] == item["category_id"]


def test_photos_of_a_subfolder_that_arrive_later_and_endless_outlines(tmp_path: Path):
    hatched = [value for i in range(100_000) for value in (i % 1000, i % 2 * 1000)]
    images = [image(1, "train2017/a.jpg"), image(2, "train2017/b.jpg"), image(3, "train2017/c.jpg", 1000, 1000)]
    given = [annotation(), annotation(image_id=2), annotation(image_id=3, segmentation=[hatched])]
    root = make(tmp_path, given, images)
    folder = root / "images" / "train2017"
    folder.mkdir()
    for name in ("a.jpg", "c.jpg"):
        Image.fromarray(np.zeros((6, 8, 3), dtype=np.uint8)).save(folder / name)
    assert open_table(root).refused == 2
    Image.fromarray(np.zeros((6, 8, 3), dtype=np.uint8)).save(folder / "b.jpg")
    table = open_table(root)
    assert [table.name(photo) for photo in range(len(table))] == ["train2017/a.jpg", "train2017/b.jpg"]
    lines = (table.path / "refused.csv").read_text(encoding="utf-8").splitlines()[1:]
    assert len(lines) == 1
    assert "the polygons' edges are 100000000 pixels long together, more than 10000000" in lines[0]
