from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from imatfashion.errors import FashionError
from imatfashion.masks.runs import from_arrays
from imatfashion.predict.parts import PartFile, is_complete, part_path, read_part
from imatfashion.predict.results import GarmentResult, PhotoResult, from_line, to_line

NAMES = ["a.jpg", "b.jpg", "c.jpg"]


def result(name: str) -> PhotoResult:
    garments = (
        GarmentResult(3, (0, 7), 0.25, from_arrays([0, 10], [3, 2])),
        GarmentResult(1, None, 1.0, from_arrays([], [])),
    )
    return PhotoResult(name, 5, 4, garments)


def same(left: PhotoResult, right: PhotoResult) -> bool:
    return to_line(left) == to_line(right)


def test_lines_round_trip() -> None:
    line = to_line(result('ä "b",\t.jpg'))
    back = from_line(line)
    assert back.name == 'ä "b",\t.jpg'
    assert back.garments[0].attributes == (0, 7)
    assert back.garments[1].attributes is None
    np.testing.assert_array_equal(back.garments[0].runs.starts, [0, 10])
    assert to_line(back) == line
    assert from_line(to_line(PhotoResult("x", 1, 1, (), "it is missing"))).problem == "it is missing"


@pytest.mark.parametrize("line", ["", "[]", "{}", '{"photo":"a"}', to_line(result("a")).replace("11 2", "20 2")])
def test_foreign_lines(line: str) -> None:
    with pytest.raises(FashionError, match="not written by a prediction"):
        from_line(line)


def test_every_cut_of_the_file_goes_on_to_the_same(tmp_path: Path) -> None:
    path, fingerprint = tmp_path / "x.part", {"version": 1, "images": "abc"}
    with PartFile(path, fingerprint, NAMES) as part:
        for name in NAMES:
            part.append(result(name))
    whole = path.read_bytes()
    assert is_complete(path, fingerprint, 3)
    for cut in range(len(whole)):
        path.write_bytes(whole[:cut])
        assert not is_complete(path, fingerprint, 3) if b"\n" in whole[:cut] else True
        with PartFile(path, fingerprint, NAMES) as part:
            assert part.done == max(whole[:cut].count(b"\n") - 1, 0)
            for name in NAMES[part.done :]:
                part.append(result(name))
        assert path.read_bytes() == whole
    assert all(same(found, result(name)) for found, name in zip(read_part(path), NAMES, strict=True))


def test_zeros_that_a_crash_left_are_cut(tmp_path: Path) -> None:
    path = tmp_path / "x.part"
    with PartFile(path, {}, NAMES) as part:
        part.append(result("a.jpg"))
    whole = path.read_bytes()
    path.write_bytes(whole + b"\0" * 50 + b"\n")
    with PartFile(path, {}, NAMES) as part:
        assert part.done == 1
    assert path.read_bytes() == whole


def test_other_settings_are_named(tmp_path: Path) -> None:
    path = tmp_path / "x.part"
    with PartFile(path, {"side": 512, "images": "a"}, NAMES) as part:
        part.append(result("a.jpg"))
    with pytest.raises(FashionError, match=r"other settings \(images, side\)"):
        PartFile(path, {"side": 64, "images": "b"}, NAMES)


def test_paths() -> None:
    assert part_path(Path("d/x.csv"), 0, 1) == Path("d/x.csv.part")
    assert part_path(Path("d/x.csv"), 2, 4) == Path("d/x.csv.part-2-of-4")


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(FashionError, match="cannot be written"):
        PartFile(tmp_path / "file" / "x.part", {}, NAMES)
