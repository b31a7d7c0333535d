"""Folders of index PNGs."""

from __future__ import annotations

import json
import shutil
import struct
import zlib
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


def png(values: np.ndarray, depth: int, colour: int = 0) -> bytes:
    """A PNG of these very samples, written by hand: grey (colour 0) or with a palette (colour 3)."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    lines = b""
    for row in values.tolist():
        bits = "".join(f"{value:0{depth}b}" for value in row)
        bits += "0" * (-len(bits) % 8)
        lines += b"\0" + int(bits, 2).to_bytes(len(bits) // 8, "big")
    header = struct.pack(">IIBBBBB", values.shape[1], values.shape[0], depth, colour, 0, 0, 0)
    palette = chunk(b"PLTE", bytes(255 - i for i in range(2**depth) for _ in range(3))) if colour == 3 else b""
    start = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)
    return start + palette + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b"")


@pytest.mark.parametrize("colour", [0, 3], ids=["grey", "palette"])
@pytest.mark.parametrize("depth", [1, 2, 4, 8])
def test_samples_of_few_bits_are_class_ids_as_they_are(tmp_path: Path, depth: int, colour: int):
    last = min(2**depth, 16) - 1
    values = np.arange(last + 1).repeat(3).reshape(-1, 6)  # 1, 2 and 4 bits fill no whole byte with 6 pixels
    root = make(tmp_path, values.astype(np.uint8))
    labels = {"categories": [{"id": i, "name": f"class {i}"} for i in range(100)]}
    (root / "label_descriptions.json").write_text(json.dumps(labels))
    (root / "masks" / "a.png").write_bytes(png(values, depth, colour))
    table = open_table(root)
    assert table.refused == 0
    assert [table.class_names[c] for c in table.garment_class] == [f"class {i}" for i in range(last + 1)]
    for garment in range(last + 1):
        np.testing.assert_array_equal(decode_runs(table.runs(garment), *values.shape), values == garment)


def test_a_mask_that_is_no_png_whatever_its_name_is_refused(tmp_path: Path):
    root = make(tmp_path)
    Image.fromarray(INDEX).save(root / "masks" / "b.png", format="TIFF")
    shutil.copy(root / "photos" / "a.jpg", root / "photos" / "b.jpg")
    table = open_table(root)
    assert table.refused == 1
    assert "b.png: it is not a readable PNG" in (table.path / "refused.csv").read_text()


def test_a_png_whose_header_comes_late_is_refused(tmp_path: Path):
    root = make(tmp_path)
    whole, note = png(INDEX // 64, 2), b"tEXtA\0b"
    late = struct.pack(">I", len(note) - 4) + note + struct.pack(">I", zlib.crc32(note))
    (root / "masks" / "b.png").write_bytes(whole[:8] + late + whole[8:])
    shutil.copy(root / "photos" / "a.jpg", root / "photos" / "b.jpg")
    table = open_table(root)
    assert "b.png: it is not a readable PNG (its header is not the first chunk)" in (
        table.path / "refused.csv"
    ).read_text(encoding="utf-8")
