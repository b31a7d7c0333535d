from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from imatfashion.data.build import open_table
from imatfashion.data.frame import garment_frame
from imatfashion.data.prepare import prepare


def test_frame_against_the_csv(drawn: Path) -> None:
    frame = garment_frame(open_table(drawn))
    labels = json.loads((drawn / "label_descriptions.json").read_text(encoding="utf-8"))
    classes, attributes = ({item["id"]: item["name"] for item in labels[k]} for k in ("categories", "attributes"))
    with (drawn / "train.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(frame) == len(rows)
    for found in frame.itertuples():
        source = rows[found.row - 2]
        class_id, *attribute_ids = map(int, source["ClassId"].split("_"))
        lengths = list(map(int, source["EncodedPixels"].split()[1::2]))
        assert found.photo == source["ImageId"]
        assert found[2] == classes[class_id]
        assert found.area == sum(lengths)
        assert found.share == sum(lengths) / (int(source["Height"]) * int(source["Width"]))
        if isinstance(found.attributes, str) and found.attributes:
            assert sorted(found.attributes.split(", ")) == sorted(attributes[index] for index in attribute_ids)
        else:
            assert not attribute_ids


def test_areas_of_prepared_data_are_those_of_its_own_grid(drawn: Path, tmp_path: Path) -> None:
    prepare(drawn, tmp_path / "small", resolution=32, workers=1, progress=False)
    table = open_table(tmp_path / "small")
    frame, raw = garment_frame(table), garment_frame(open_table(drawn))
    assert frame["area"].tolist() == [table.runs(garment).area for garment in range(len(frame))]
    assert (frame["share"] <= 1).all()
    assert frame["share"].to_numpy() == pytest.approx(raw["share"].to_numpy(), abs=0.02)
