from __future__ import annotations

import json
from pathlib import Path

import pytest

from imatfashion.errors import FashionError
from imatfashion.evaluate.oracle import oracle_file
from imatfashion.evaluate.score_report import ScoreReport


def box(top: int, left: int, bottom: int, right: int) -> str:
    return " ".join(f"{x * 512 + top + 1} {bottom - top}" for x in range(left, right))


@pytest.fixture
def truth(tmp_path: Path) -> Path:
    """Photo a: a coat of 200 × 200 with a pocket of 100 × 100 on it. Photo b: two shoes apart."""
    lists = {
        "categories": [{"id": i, "name": name} for i, name in ((0, "coat"), (1, "pocket"), (2, "shoe"))],
        "attributes": [{"id": 4, "name": "long"}],
    }
    (tmp_path / "label_descriptions.json").write_text(json.dumps(lists), encoding="utf-8")
    rows = [
        f"a.jpg,{box(0, 0, 200, 200)},512,512,0_4",
        f"a.jpg,{box(50, 50, 150, 150)},512,512,1",
        f"b.jpg,{box(0, 0, 100, 100)},512,512,2_4",
        f"b.jpg,{box(300, 300, 400, 400)},512,512,2",
    ]
    path = tmp_path / "test.csv"
    path.write_text("\n".join(["ImageId,EncodedPixels,Height,Width,ClassId", *rows, ""]), encoding="utf-8")
    return path


def per_photo(report: ScoreReport) -> tuple[float, float]:
    return report.per_photo.with_attributes, report.per_photo.without_attributes


def test_one_layer_loses_what_a_part_covers(truth: Path) -> None:
    # The coat keeps 3/4 of its pixels: a hit at 0.50 … 0.70 (five of ten), not at 0.75 itself.
    assert per_photo(oracle_file(truth, regions="components")) == pytest.approx(((0.5 + 1) / 2 / 2 + 0.5,) * 2)


def test_two_layers_keep_it(truth: Path) -> None:
    assert per_photo(oracle_file(truth, layers=2, regions="components")) == (1.0, 1.0)


def test_a_region_joins_garments_of_a_class(truth: Path) -> None:
    # Two shoes as one region have IoU 1/2 with each: no hit.
    assert per_photo(oracle_file(truth, layers=2, regions="regions")) == (0.5, 0.5)


def test_auto_takes_components_where_the_table_has_several(truth: Path) -> None:
    assert oracle_file(truth, layers=2) == oracle_file(truth, layers=2, regions="components")


def test_a_coarse_grid_and_a_least_area_cost(truth: Path) -> None:
    assert oracle_file(truth, layers=2, grid=16).pooled < (1.0, 1.0)
    assert oracle_file(truth, layers=2, min_area=10_001).pooled < (1.0, 1.0)


def test_an_unknown_encoding_is_a_sentence(truth: Path) -> None:
    with pytest.raises(FashionError, match="regions=blobs is unknown"):
        oracle_file(truth, regions="blobs")
    with pytest.raises(FashionError, match="layers is 1 or 2"):
        oracle_file(truth, layers=3)


def one_photo(sample: Path, out: Path, file_name: str) -> Path:
    """A COCO file cut down to one photo."""
    content = json.loads(sample.read_text(encoding="utf-8"))
    content["images"] = [image for image in content["images"] if image["file_name"] == file_name]
    kept = {image["id"] for image in content["images"]}
    content["annotations"] = [entry for entry in content["annotations"] if entry["image_id"] in kept]
    path = out / "sample.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("file_name", "regions", "components"),
    [("000000009813.jpg", 0.5125, 0.95), ("000000010223.jpg", 0.73, 0.71)],
)
def test_ceiling_of_real_photos_with_overlaps(
    shared: Path, tmp_path: Path, file_name: str, regions: float, components: float
) -> None:
    truth = one_photo(shared / "data" / "fashionpedia_sample" / "sample.json", tmp_path, file_name)
    assert oracle_file(truth, regions="regions").per_photo.without_attributes == pytest.approx(regions)
    # Specks of a pixel or two that painting leaves at edges are no garments.
    found = oracle_file(truth, regions="components", min_area=5)
    assert found.per_photo.without_attributes == pytest.approx(components)


def test_ceiling_of_real_photos_with_one_label_a_pixel(shared: Path) -> None:
    report = oracle_file(shared / "data" / "ccp" / "train.csv", regions="regions")
    assert report.photos == 804
    assert report.per_photo.without_attributes > 0.99
