from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from imatfashion.data.thumbnails import CACHE_NAME, SIDE, thumbnails


@pytest.fixture
def photos(tmp_path: Path) -> list[Path]:
    folder = tmp_path / "photos"
    folder.mkdir()
    for i, grey in enumerate((40, 120, 200)):
        assert cv2.imwrite(str(folder / f"{i}.jpg"), np.full((300, 200, 3), grey, dtype=np.uint8))
    return sorted(folder.iterdir())


@pytest.fixture
def table(tmp_path: Path) -> Path:
    folder = tmp_path / "a.table"
    folder.mkdir()
    return folder


def test_grey_of_every_photo(photos: list[Path], table: Path) -> None:
    images = thumbnails(photos, table)
    assert images.shape == (3, SIDE, SIDE)
    assert images.dtype == np.uint8
    np.testing.assert_allclose(images.mean(axis=(1, 2)), [40, 120, 200], atol=2)
    assert sorted(path.name for path in table.iterdir()) == [CACHE_NAME]


def test_kept_until_a_photo_changes(photos: list[Path], table: Path) -> None:
    told: list[str] = []
    first = thumbnails(photos, table, progress=told.append)
    np.testing.assert_array_equal(thumbnails(photos, table, progress=told.append), first)
    assert len(told) == 1
    assert cv2.imwrite(str(photos[1]), np.full((300, 200, 3), 250, dtype=np.uint8))
    os.utime(photos[1], ns=(1, 1))
    again = thumbnails(photos, table, progress=told.append)
    assert told[1].startswith("Looking at 1 photos")
    np.testing.assert_array_equal(again[[0, 2]], first[[0, 2]])
    assert abs(again[1].mean() - 250) < 2


def test_unreadable_photos_are_black(photos: list[Path], table: Path) -> None:
    whole = photos[0].read_bytes()
    photos[0].write_bytes(whole[: len(whole) // 2])
    photos[1].unlink()
    photos[2].write_bytes(b"")
    assert not thumbnails(photos, table).any()
    photos[0].write_bytes(whole)
    assert abs(thumbnails(photos, table)[0].mean() - 40) < 2


def test_a_photo_that_vanished_leaves_nothing_behind(photos: list[Path], table: Path) -> None:
    thumbnails(photos, table)
    photos[2].unlink()
    images = thumbnails(photos, table)
    assert images[1].any()
    assert not images[2].any()


@pytest.mark.parametrize("content", [b"", b"garbage", b"PK\x03\x04 torn"])
def test_a_damaged_cache_is_made_anew(photos: list[Path], table: Path, content: bytes) -> None:
    first = thumbnails(photos, table)
    (table / CACHE_NAME).write_bytes(content)
    np.testing.assert_array_equal(thumbnails(photos, table), first)
    with np.load(table / CACHE_NAME) as file:
        np.testing.assert_array_equal(file["thumbnails"], first)


def test_a_truncated_cache_is_made_anew(photos: list[Path], table: Path) -> None:
    first = thumbnails(photos, table)
    whole = (table / CACHE_NAME).read_bytes()
    for length in range(0, len(whole), max(1, len(whole) // 23)):
        (table / CACHE_NAME).write_bytes(whole[:length])
        np.testing.assert_array_equal(thumbnails(photos, table), first)


def test_a_cache_of_other_photos_is_not_used(photos: list[Path], table: Path) -> None:
    thumbnails(photos, table)
    assert len(thumbnails(photos[:2], table)) == 2
    np.testing.assert_allclose(thumbnails(photos[::-1], table).mean(axis=(1, 2)), [200, 120, 40], atol=2)


def test_a_cache_that_cannot_be_written_is_no_fault(photos: list[Path], tmp_path: Path, table: Path) -> None:
    assert thumbnails(photos, tmp_path / "missing").any()
    (table / CACHE_NAME).mkdir()
    assert thumbnails(photos, table).any()
    assert [path.name for path in table.iterdir()] == [CACHE_NAME]
