"""Folders of index PNGs."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imatfashion.data.build import open_table
from imatfashion.data.sources import open_source
from imatfashion.masks.runs import decode_runs

INDEX = np.array([[255, 3, 3, 7], [0, 3, 4, 4], [0, 0, 8, 7]], dtype=np.uint8)


def make(root: Path, index: np.ndarray = INDEX, mode: str = "L") -> Path:
    names = {3: "coat", 4: "Background", 7: "hat"}
    labels = {"categories": [{"id": i, "name": n} for i, n in names.items()]}
    (root / "label_descriptions.json").write_text(json.dumps(labels))
    for folder in ("masks", "photos"):
        (root / folder).mkdir()
    Image.fromarray(np.zeros((*index.shape, 3), dtype=np.uint8)).save(root / "photos" / "a.jpg")
    picture = Image.fromarray(index)
    if mode == "P":
        picture.putpalette([255 - i for i in range(256) for _ in range(3)])
    picture.save(root / "masks" / "a.png")
    return root


@pytest.mark.parametrize(("mode", "dtype"), [("L", np.uint8), ("P", np.uint8), ("I;16", np.uint16)])
def test_a_garment_is_all_pixels_of_a_class(tmp_path: Path, mode: str, dtype: type):
    root = make(tmp_path, INDEX.astype(dtype), mode)
    assert open_source(root).format == "pngs"
    table = open_table(root)
    # 255, 0 and 8 (behind the last class) are none, and so is the class that is named background.
    assert (len(table), table.refused) == (1, 0)
    assert [table.class_names[c] for c in table.garment_class] == ["coat", "hat"]
    for garment, value in enumerate((3, 7)):
        np.testing.assert_array_equal(decode_runs(table.runs(garment), 3, 4), value == INDEX)
    assert table.garment_known.all()


def test_unknown_values_colours_and_broken_files_are_refused(tmp_path: Path):
    root = make(tmp_path, np.array([[3, 99]], dtype=np.uint8))
    Image.fromarray(np.zeros((2, 2, 3), dtype=np.uint8)).save(root / "masks" / "b.png")
    (root / "masks" / "c.png").write_bytes((root / "masks" / "a.png").read_bytes()[:40])
    (root / "masks" / "notes.txt").write_text("no mask")
    Image.fromarray(np.full((1, 2), 3, dtype=np.uint8)).save(root / "masks" / "d.png")
    table = open_table(root)
    lines = (table.path / "refused.csv").read_text().splitlines()[1:]
    wanted = ["the class id 99 is not in the label file", "it has colours (RGB)", "not a readable PNG", "d.jpg"]
    assert len(lines) == len(wanted)
    for line, (row, reason) in zip(lines, enumerate(wanted), strict=True):
        assert line.startswith(f"{row},")
        assert reason in line
    assert len(table.garment_row) == 1


def test_a_mask_of_nothing_is_a_photo_without_garments(tmp_path: Path):
    root = make(tmp_path)
    Image.fromarray(np.full((3, 4), 255, dtype=np.uint8)).save(root / "masks" / "b.png")
    shutil.copy(root / "photos" / "a.jpg", root / "photos" / "b.jpg")
    table = open_table(root)
    assert [len(table.garments(photo)) for photo in range(len(table))] == [2, 0]


def test_a_changed_mask_makes_the_table_anew(tmp_path: Path):
    root = make(tmp_path)
    assert len(open_table(root).garment_row) == 2
    Image.fromarray(np.full((3, 4), 3, dtype=np.uint8)).save(root / "masks" / "a.png")
    assert len(open_table(root).garment_row) == 1
