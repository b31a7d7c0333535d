from __future__ import annotations

import numpy as np
import pytest

from imatfashion.config.schema import AugmentConfig
from imatfashion.data.augment import Augmenter
from imatfashion.data.render import NOBODY, OUTSIDE, PADDING

ALWAYS = AugmentConfig(probability=1.0, rotate=30.0)


def sample(layers=1):
    owners = np.full((layers, 48, 48), NOBODY, dtype=np.int16)
    owners[:, 10:40, 14:30] = 0
    image = np.where(owners[0][..., None] == 0, 200, 40).astype(np.uint8)
    return np.repeat(image, 3, axis=2), owners


def test_same_seed_same_sample_in_any_order():
    image, owners = sample()
    first, second = Augmenter(AugmentConfig()), Augmenter(AugmentConfig())
    forward = [first(image, owners, (0, 0, k)) for k in range(20)]
    backward = [second(image, owners, (0, 0, k)) for k in reversed(range(20))][::-1]
    for one, other in zip(forward, backward, strict=True):
        assert np.array_equal(one[0], other[0])
        assert np.array_equal(one[1], other[1])
    assert len({one[0].tobytes() for one in forward}) > 10


def test_picture_and_owners_turn_together():
    image, owners = sample()
    augmenter = Augmenter(AugmentConfig(probability=1.0, rotate=30.0, brightness=0.0, contrast=0.0))
    for k in range(20):
        turned, whose = augmenter(image, owners, (1, k))
        assert set(np.unique(whose)) <= {OUTSIDE, NOBODY, 0}
        assert np.median(turned[whose[0] == 0]) == 200
        assert np.mean((turned[..., 0] > 120) == (whose[0] == 0)) > 0.97
        if whose[0, 0, 0] == OUTSIDE:
            assert (turned[0, 0] == PADDING).all()


def test_layers_turn_alike_and_keep_their_shape():
    image, owners = sample(layers=2)
    _, whose = Augmenter(ALWAYS)(image, owners, (3,))
    assert whose.shape == owners.shape
    assert whose.dtype == np.int16
    assert np.array_equal(whose[0], whose[1])


def test_brightness_multiplies_and_contrast_keeps_the_mean():
    image, owners = sample()
    bright = Augmenter(AugmentConfig(probability=1.0, rotate=0.0, brightness=0.2, contrast=0.0))
    contrast = Augmenter(AugmentConfig(probability=1.0, rotate=0.0, brightness=0.0, contrast=0.4))
    factors = []
    for k in range(40):
        changed, whose = bright(image, owners, (k,))
        factors.append(changed[0, 0, 0] / 40)
        assert np.array_equal(whose, owners)
        assert abs(contrast(image, owners, (k,))[0].mean() - image.mean()) < 2
    assert 0.78 < min(factors) < 0.9
    assert 1.1 < max(factors) < 1.22


def test_changes_are_independent():
    """One stream for all transforms would turn a sample exactly as far as it brightens it."""
    image, owners = sample()
    augmenter = Augmenter(AugmentConfig(probability=0.5))
    turned, brightened = [], []
    for k in range(400):
        changed, whose = augmenter(image, owners, (k,))
        turned.append(not np.array_equal(whose, owners))
        brightened.append(not np.isin(changed[20:28, 20:24], [199, 200, 201]).all())
    agreement = np.corrcoef(turned, brightened)[0, 1]
    assert 0.4 < np.mean(turned) < 0.6
    assert 0.65 < np.mean(brightened) < 0.85
    assert abs(agreement) < 0.15


def test_nothing_to_change():
    image, owners = sample()
    none = Augmenter(AugmentConfig(rotate=0.0, brightness=0.0, contrast=0.0))
    changed, whose = none(image, owners, (0,))
    assert np.array_equal(changed, image)
    assert np.array_equal(whose, owners)


@pytest.mark.parametrize("flip", [True, False])
def test_input_is_left_alone(flip):
    image, owners = sample()
    before = image.copy(), owners.copy()
    Augmenter(ALWAYS)(image[:, ::-1] if flip else image, owners, (0,))
    assert np.array_equal(image, before[0])
    assert np.array_equal(owners, before[1])


def coloured():
    image, owners = sample()
    image[..., 1] //= 2
    return image, owners


STILL = {"probability": 1.0, "rotate": 0.0, "brightness": 0.0, "contrast": 0.0}


@pytest.mark.parametrize("option", [{"saturation": 0.5}, {"hue": 0.3}, {"grey": 1.0}, {"blur": 1.0}], ids=str)
def test_colours_and_blur_leave_the_owners_alone(option):
    image, owners = coloured()
    changed, whose = Augmenter(AugmentConfig(**STILL, **option))(image, owners, (5,))
    assert np.array_equal(whose, owners)
    assert changed.dtype == np.uint8
    assert not np.array_equal(changed, image)


def test_grey_has_no_colour_and_hue_turns_it():
    image, owners = coloured()
    grey = Augmenter(AugmentConfig(**STILL, grey=1.0))(image, owners, (0,))[0]
    assert (grey == grey[..., :1]).all()
    strongest = {
        int(Augmenter(AugmentConfig(**STILL, hue=0.5))(image, owners, (k,))[0][20, 20].argmax()) for k in range(20)
    }
    assert len(strongest) > 1


def test_blur_keeps_the_mean_and_softens_the_edge():
    image, owners = sample()
    blurred = Augmenter(AugmentConfig(**STILL, blur=1.0))(image, owners, (1,))[0].astype(int)
    assert abs(blurred.mean() - image.mean()) < 1
    assert np.abs(np.diff(blurred[20, :, 0])).max() < np.abs(np.diff(image[20, :, 0].astype(int))).max()


def test_grey_and_blur_have_their_own_chance():
    image, owners = coloured()
    augmenter = Augmenter(AugmentConfig(**{**STILL, "probability": 0.0}, grey=0.3))
    changed = [not np.array_equal(augmenter(image, owners, (k,))[0], image) for k in range(300)]
    assert 0.22 < np.mean(changed) < 0.38
