from __future__ import annotations

import numpy as np
import pytest

from imatfashion.config.schema import AugmentConfig
from imatfashion.data.views import plain_view, training_view
from imatfashion.errors import FashionError
from imatfashion.masks.view import View


def test_plain_views():
    assert plain_view(600, 400, 160, "squash") == View(0, 0, 600, 400, 160, 160)
    assert plain_view(600, 400, 160, "pad") == View(0, -100, 600, 600, 160, 160)
    with pytest.raises(FashionError, match="resize=crop"):
        plain_view(600, 400, 160, "crop")


@pytest.mark.parametrize("resize", ["squash", "pad"])
def test_nothing_to_change_is_the_plain_view(resize):
    still = AugmentConfig(flip=False, scale=0.0, shift=0.0)
    never = AugmentConfig(flip=False, probability=0.0)
    for augment in (still, never):
        view = training_view(600, 401, 160, resize, augment=augment, rng=np.random.default_rng(0))
        assert view == plain_view(600, 401, 160, resize)


@pytest.mark.parametrize(("height", "width"), [(600, 400), (400, 600), (1, 5000), (3, 2)])
@pytest.mark.parametrize("resize", ["squash", "pad"])
def test_crops_stay_within_their_limits(height, width, resize):
    augment = AugmentConfig(scale=0.25, shift=0.1, probability=1.0)
    plain = plain_view(height, width, 160, resize)
    rng = np.random.default_rng(1)
    for _ in range(200):
        view = training_view(height, width, 160, resize, augment=augment, rng=rng)
        assert (view.out_height, view.out_width) == (160, 160)
        for first, side, whole_first, whole in (
            (view.top, view.height, plain.top, plain.height),
            (view.left, view.width, plain.left, plain.width),
        ):
            assert whole / 1.25 - 1 <= side <= whole / 0.75 + 1
            away = abs(first + side / 2 - (whole_first + whole / 2))
            assert away <= 0.1 * side + 1
    if min(height, width) > 100:
        assert abs(view.height / view.width - plain.height / plain.width) < 0.02


def test_chances_are_as_asked():
    augment = AugmentConfig(probability=0.5)
    rng = np.random.default_rng(2)
    views = [training_view(1000, 800, 160, "squash", augment=augment, rng=rng) for _ in range(1000)]
    assert 430 < sum(view.flip for view in views) < 570
    assert 430 < sum(view.height == 1000 for view in views) < 570


def test_same_numbers_are_drawn_whatever_the_settings():
    one, other = np.random.default_rng(3), np.random.default_rng(3)
    training_view(10, 10, 8, "pad", augment=AugmentConfig(), rng=one)
    training_view(10, 10, 8, "pad", augment=AugmentConfig(flip=False, probability=0.0), rng=other)
    assert one.random() == other.random()


@pytest.mark.parametrize("resize", ["squash", "pad"])
def test_large_scale_jitter(resize):
    augment = AugmentConfig(scale_min=0.5, scale_max=2.0, shift=0.0, probability=1.0)
    plain = plain_view(600, 400, 160, resize)
    rng = np.random.default_rng(4)
    views = [training_view(600, 400, 160, resize, augment=augment, rng=rng) for _ in range(2000)]
    growth = np.array([plain.height / view.height for view in views])
    assert 0.499 <= growth.min() < 0.52
    assert 1.92 < growth.max() <= 2.01
    # Evenly on a logarithmic scale: as often smaller as larger.
    assert 0.46 < np.mean(growth < 1) < 0.54
    for view in views:
        # The smaller of the two lies in the larger, up to the rounding.
        low, high = sorted([(plain.top, plain.height), (view.top, view.height)], key=lambda side: side[1])
        assert high[0] - 1 <= low[0]
        assert low[0] + low[1] <= high[0] + high[1] + 1
    zoomed = [view for view in views if view.height < plain.height * 0.6]
    tops = np.array([(view.top - plain.top) / (plain.height - view.height) for view in zoomed])
    assert tops.min() < 0.05
    assert tops.max() > 0.95
    never = AugmentConfig(flip=False, scale_min=0.5, scale_max=2.0, probability=0.0)
    assert training_view(600, 400, 160, resize, augment=never, rng=rng) == plain
