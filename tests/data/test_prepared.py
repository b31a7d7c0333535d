from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imatfashion.config.schema import AugmentConfig
from imatfashion.data.build import open_table
from imatfashion.data.prepared import is_prepared, prepared_size, shorter_side
from imatfashion.data.sources import DataFiles
from imatfashion.data.views import training_view
from imatfashion.errors import FashionError

SIDES = st.integers(16, 9000)


def test_the_rule_in_numbers():
    assert prepared_size(3000, 2000, 224) == (371, 247)
    assert prepared_size(2000, 3000, 512) == (564, 846)
    assert prepared_size(830, 550, 512) == (830, 550)
    assert prepared_size(8688, 296, 224) == (7250, 247)


@given(SIDES, SIDES, st.integers(32, 1024))
def test_never_enlarged_and_the_aspect_stays(height, width, resolution):
    small = prepared_size(height, width, resolution)
    assert min(small) == min(height, width, shorter_side(resolution))
    assert small[0] <= height
    assert small[1] <= width
    assert abs(small[0] * width - small[1] * height) <= max(height, width)


@given(SIDES, SIDES, st.integers(32, 512), st.sampled_from(["squash", "pad"]), st.integers(0, 999))
def test_no_view_enlarges_a_photo_that_was_large_enough(height, width, resolution, resize, seed):
    wanted = shorter_side(resolution)
    if min(height, width) < wanted:
        height, width = wanted + height, wanted + width
    small = prepared_size(height, width, resolution)
    rng = np.random.default_rng(seed)
    view = training_view(*small, resolution, resize, augment=AugmentConfig(probability=1), rng=rng)
    assert view.height >= view.out_height
    assert view.width >= view.out_width


def test_the_zoom_is_that_of_the_default_augmentation():
    for resolution in (32, 96, 224, 512, 1000):
        assert shorter_side(resolution) == math.ceil(round(resolution * (1 + AugmentConfig().scale), 6))


def test_other_folders_are_not_prepared_data(tmp_path, tiny_data):
    assert not is_prepared(tmp_path / "nowhere")
    assert not is_prepared(open_table(tiny_data).path)
    (tmp_path / "meta.json").write_text("[1]")
    assert not is_prepared(tmp_path)
    with pytest.raises(FashionError, match="is not prepared data: make it with imatfashion prepare"):
        open_table(tiny_data, DataFiles(format="prepared"))
