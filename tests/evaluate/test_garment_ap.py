"""Average precision from files: Fashionpedia's published case, pycocotools on random sets, faults."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as coco_mask
from typer.testing import CliRunner

from imatfashion.cli import app
from imatfashion.errors import FashionError
from imatfashion.evaluate.garment_ap import FASHIONPEDIA_CLASSES, ap_files


def segmentation(mask: np.ndarray) -> dict[str, Any]:
    encoded = coco_mask.encode(np.asfortranarray(mask.astype(np.uint8)))
    return {"size": list(mask.shape), "counts": encoded["counts"].decode()}


def box(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    mask = np.zeros((height, width), dtype=bool)
    top, left = rng.integers(0, height - 8), rng.integers(0, width - 8)
    mask[top : top + rng.integers(4, 9), left : left + rng.integers(4, 9)] = True
    return mask


def random_files(folder: Path, seed: int) -> tuple[Path, Path]:
    """Four photos; most found garments are a true one shifted by a pixel or two."""
    rng = np.random.default_rng(seed)
    images, true, found = [], [], []
    for image in range(1, 5):
        height, width = (int(side) for side in rng.integers(20, 40, size=2))
        images.append({"id": image, "file_name": f"{image}.jpg", "height": height, "width": width})
        for _ in range(rng.integers(1, 7)):
            mask, category = box(rng, height, width), int(rng.choice([3, 7, 9]))
            attributes = rng.choice([1, 2, 5], size=rng.integers(0, 3), replace=False).tolist() if category == 3 else []
            fields = {"image_id": image, "category_id": category, "attribute_ids": attributes}
            true.append({"id": len(true) + 1, "iscrowd": 0, "segmentation": segmentation(mask), **fields})
            true[-1]["area"] = int(mask.sum())
            for _ in range(rng.integers(0, 3)):
                shifted = np.roll(mask, tuple(rng.integers(-2, 3, size=2)), axis=(0, 1))
                score = round(float(rng.random()), 1)
                found.append({**fields, "segmentation": segmentation(shifted), "score": score})
    labels = {
        "categories": [{"id": i, "name": f"class {i}"} for i in (3, 7, 9)],
        "attributes": [{"id": i, "name": f"attribute {i}"} for i in (1, 2, 5)],
    }
    truth, results = folder / "truth.json", folder / "results.json"
    truth.write_text(json.dumps({"images": images, "annotations": true, **labels}), encoding="utf-8")
    results.write_text(json.dumps(found), encoding="utf-8")
    return truth, results


@pytest.mark.parametrize("seed", range(5))
def test_masks_alone_are_pycocotools_figure(tmp_path: Path, seed: int):
    truth, results = random_files(tmp_path, seed)
    report = ap_files(truth, results)
    assert 0 < report.iou < 1
    assert report.iou == pytest.approx(report.coco["ap"], abs=1e-12)
    assert report.judged == ["class 3"]


def test_fashionpedias_published_case(shared: Path):
    folder = shared / "data" / "fashionpedia_sample"
    done = CliRunner().invoke(
        app, ["score", str(folder / "sample.json"), str(folder / "fake_results.json"), "--ap", "--json"]
    )
    assert done.exit_code == 0, done.output
    report = json.loads(done.output)
    assert [round(report[key], 3) for key in ("iou_f1", "iou", "f1")] == [0.590, 0.532, 0.699]


def test_the_truth_given_back_is_1_and_nothing_is_0(tmp_path: Path):
    truth, results = random_files(tmp_path, 0)
    content = json.loads(truth.read_text(encoding="utf-8"))
    perfect = [{**item, "score": 1.0} for item in content["annotations"]]
    results.write_text(json.dumps({**content, "annotations": perfect}), encoding="utf-8")
    report = ap_files(truth, results)
    assert (report.iou, report.iou_f1, report.f1) == pytest.approx((1, 1, 1))
    results.write_text("[]", encoding="utf-8")
    report = ap_files(truth, results)
    assert (report.iou, report.iou_f1, report.f1, report.coco["ap"]) == (0, 0, 0, 0)


def test_found_garments_that_all_miss_are_0_and_sizes_without_truth_are_none(tmp_path: Path):
    truth, results = random_files(tmp_path, 0)
    content = json.loads(truth.read_text(encoding="utf-8"))
    found = []
    for image in content["images"]:
        corner = np.zeros((image["height"], image["width"]), dtype=bool)
        corner[-1, -1] = True
        found.append({"image_id": image["id"], "category_id": 3, "segmentation": segmentation(corner), "score": 0.5})
    results.write_text(json.dumps(found), encoding="utf-8")
    coco = ap_files(truth, results).coco
    assert (coco["ap"], coco["ap50"], coco["ap_small"]) == (0, 0, 0)
    assert (coco["ap_medium"], coco["ap_large"]) == (None, None)


@pytest.mark.parametrize(("attributes", "f1"), [([1, 5], 1.0), ([1], 0.4), ([2], 0.0)], ids=["all", "one", "none"])
def test_attributes_alone_are_judged_whatever_the_masks(tmp_path: Path, attributes: list[int], f1: float):
    truth, results = random_files(tmp_path, 0)
    content = json.loads(truth.read_text(encoding="utf-8"))
    first = {item["image_id"]: item for item in reversed(content["annotations"])}
    content["annotations"] = list(first.values())
    for item in content["annotations"]:
        item.update(category_id=3, attribute_ids=[1, 5])
    truth.write_text(json.dumps(content), encoding="utf-8")
    found = []
    for item in content["annotations"]:
        corner = np.zeros(item["segmentation"]["size"], dtype=bool)
        corner[-1, -1] = True
        said = {"attribute_ids": attributes, "image_id": item["image_id"], "category_id": 3}
        found.append({**said, "segmentation": segmentation(corner), "score": 0.5})
    results.write_text(json.dumps(found), encoding="utf-8")
    report = ap_files(truth, results)
    assert (report.iou, report.iou_f1) == (0, 0)
    # One of three wrong: F1 is 2/3 of the ones and 2/3 of the zeros, above four of the thresholds 0.50:0.05:0.95.
    assert report.f1 == pytest.approx(f1)


def test_right_attributes_leave_the_figure_of_the_masks(tmp_path: Path):
    truth, results = random_files(tmp_path, 0)
    content = json.loads(truth.read_text(encoding="utf-8"))
    content["annotations"] = list({item["image_id"]: item for item in content["annotations"]}.values())
    found = []
    for item in content["annotations"]:
        mask = np.zeros(item["segmentation"]["size"], dtype=bool)
        mask[5:12, 3:9] = True
        fields = {"category_id": 3, "attribute_ids": [1, 5], "area": 42}
        item.update(fields, segmentation=segmentation(mask))
        found.append({**item, "segmentation": segmentation(np.roll(mask, 1, axis=0)), "score": 0.5})
    truth.write_text(json.dumps(content), encoding="utf-8")
    results.write_text(json.dumps(found), encoding="utf-8")
    report = ap_files(truth, results)
    # A row off: 36 pixels of 48, above the thresholds 0.50, 0.55, … 0.75.
    assert report.iou == pytest.approx(0.6)
    assert report.iou_f1 == pytest.approx(report.iou)


def test_the_classes_whose_attributes_fashionpedia_judges():
    assert sorted(FASHIONPEDIA_CLASSES) == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 28, 29, 31, 32, 33]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"score": None}, "garment 0 of"),
        ({"score": 3}, "is not within 0 … 1"),
        ({"image_id": 99}, "99 is missing or unknown"),
        ({"segmentation": {"size": [9, 9], "counts": "d"}}, "predict with size=photo"),
        ({"segmentation": None}, "its segmentation is no run lengths"),
        ({"segmentation": [[1.0, 1.0, 5.0, 1.0, 5.0, 5.0]]}, "its segmentation is no run lengths"),
        ({"category_id": float("inf")}, "cannot convert float infinity to integer"),
        ({"score": "x" * 5000}, "could not convert string to float: 'xxx.*…"),
        ({"image_id": "x" * 5000}, "xxx.*…"),
        ({"segmentation": {"size": [9] * 5000, "counts": "d"}}, "its mask is .9, 9, .*…"),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else None,
)
def test_a_faulty_garment_is_named(tmp_path: Path, change: dict[str, Any], sentence: str):
    truth, results = random_files(tmp_path, 0)
    items = json.loads(results.read_text(encoding="utf-8"))
    results.write_text(json.dumps([{**items[0], **change}, *items[1:]]), encoding="utf-8")
    with pytest.raises(FashionError, match=sentence) as caught:
        ap_files(truth, results)
    assert len(str(caught.value)) < 500


def test_a_long_name_is_cut(tmp_path: Path):
    truth, results = random_files(tmp_path, 0)
    found = json.loads(truth.read_text(encoding="utf-8"))
    found["annotations"] = [item | {"score": 1.0} for item in found["annotations"]]
    found["images"] = [item | {"file_name": f"{'x' * 5000}{item['file_name']}"} for item in found["images"]]
    results.write_text(json.dumps(found), encoding="utf-8")
    with pytest.raises(FashionError, match=r"has the photo xxx.*…, which the truth does not have") as caught:
        ap_files(truth, results)
    assert len(str(caught.value)) < 500


def test_an_image_without_a_name_in_the_truth_is_refused_as_by_the_score(tmp_path: Path):
    truth, results = random_files(tmp_path, 0)
    before = ap_files(truth, results).to_json()
    content = json.loads(truth.read_text(encoding="utf-8"))
    content["images"].append({"id": 1234, "height": 5, "width": 5})
    truth.write_text(json.dumps(content), encoding="utf-8")
    assert ap_files(truth, results).to_json() == before


def test_garments_of_a_photo_without_rows_are_false(tmp_path: Path):
    (tmp_path / "test").mkdir()
    for name in ("a.jpg", "bare.jpg"):
        Image.new("RGB", (8, 6)).save(tmp_path / "test" / name)
    (tmp_path / "label_descriptions.json").write_text(
        json.dumps({"categories": [{"id": 0, "name": "dress"}], "attributes": []}), encoding="utf-8"
    )
    truth = tmp_path / "test.csv"
    truth.write_text("ImageId,EncodedPixels,Height,Width,ClassId\na.jpg,1 12,6,8,0\n", encoding="utf-8")
    mask = np.zeros((6, 8), dtype=np.bool_)
    mask[:, :2] = True
    right = {"image_id": "a.jpg", "category_id": 0, "score": 0.5, "segmentation": segmentation(mask)}
    wrong = right | {"image_id": "bare.jpg", "score": 0.9}
    results = tmp_path / "results.json"
    figures = []
    for items in ([right], [wrong, right]):
        results.write_text(json.dumps(items), encoding="utf-8")
        found = ap_files(truth, results)
        assert found.photos == 2
        figures.append((found.iou, found.coco["ap"]))
    # The wrong one is surer than the right one: at every recall the precision is a half.
    assert figures == [pytest.approx((1.0, 1.0)), pytest.approx((0.5, 0.5))]


def test_what_is_no_prediction_is_a_sentence(tmp_path: Path):
    truth, results = random_files(tmp_path, 0)
    for text in ("[", "ImageId\n"):
        results.write_text(text, encoding="utf-8")
        with pytest.raises(FashionError, match=r"results\.json is not"):
            ap_files(truth, results)
    done = CliRunner().invoke(app, ["score", str(truth), str(tmp_path / "absent.json"), "--ap"])
    assert done.exit_code == 2
    assert "absent.json" in done.output
