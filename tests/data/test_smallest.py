"""The smallest and the largest that is taken, and one beyond."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imatfashion.data.copy_paste import parts_of
from imatfashion.data.photos import read_photo
from imatfashion.data.prepare import prepare
from imatfashion.data.sampler import ShardSampler
from imatfashion.data.sources.fields import FieldError, parse_size
from imatfashion.errors import FashionError


def test_a_photo_may_be_one_pixel_wide() -> None:
    assert parse_size("1", "1") == (1, 1)
    for size in (("0", "1"), ("1", "0")):
        with pytest.raises(FieldError, match="is not a photo's"):
            parse_size(*size)


@pytest.mark.parametrize(("resolution", "words"), [(31, "must be 32 … 4096"), (32, "exist"), (4096, "exist")])
def test_the_resolutions_that_can_be_prepared(tmp_path: Path, resolution: int, words: str) -> None:
    with pytest.raises(FashionError, match=words):
        prepare(tmp_path / "nowhere", tmp_path / "out", resolution=resolution, workers=1, progress=False)
    with pytest.raises(FashionError, match="must be 32 … 4096"):
        prepare(tmp_path / "nowhere", tmp_path / "out", resolution=4097, workers=1, progress=False)


def test_a_photo_is_decoded_smaller_as_long_as_it_suffices_exactly(tmp_path: Path) -> None:
    Image.new("RGB", (160, 80)).save(tmp_path / "a.jpg")
    assert read_photo(tmp_path / "a.jpg", at_least=(10, 20)).shape == (10, 20, 3)
    assert read_photo(tmp_path / "a.jpg", at_least=(11, 20)).shape == (20, 40, 3)
    assert read_photo(tmp_path / "a.jpg", at_least=(10, 21)).shape == (20, 40, 3)


def test_a_garment_without_a_pixel_is_no_part_of_another() -> None:
    masks = np.zeros((3, 4, 5), dtype=bool)
    masks[1], masks[2, :2] = True, True
    assert np.argwhere(parts_of(masks)).tolist() == [[2, 1]]


def test_one_process_takes_every_index() -> None:
    assert list(ShardSampler(3)) == [0, 1, 2]
