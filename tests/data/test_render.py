from __future__ import annotations

import cv2
import numpy as np
import pytest
from PIL import Image

from imatfashion.config.schema import AugmentConfig
from imatfashion.data.photos import load_photo
from imatfashion.data.render import NOBODY, OUTSIDE, PADDING, num_layers, paint_maps, paint_owners, render, render_image
from imatfashion.data.views import plain_view, training_view
from imatfashion.masks.view import View

KERNEL = np.ones((3, 3), dtype=np.uint8)


def away_from_edges(area):
    """What stays of an area when a pixel is taken off all around."""
    options = {"borderType": cv2.BORDER_CONSTANT, "borderValue": 0}
    return cv2.erode(area.astype(np.uint8), KERNEL, **options) == 1


def nearest_map(full, view):
    """The definition, pixel by pixel: what lies under each output pixel's centre, −1 outside."""
    out = np.full((view.out_height, view.out_width), -1)
    for i in range(view.out_height):
        for j in range(view.out_width):
            y = view.top + (2 * i + 1) * view.height // (2 * view.out_height)
            x = view.left + (2 * j + 1) * view.width // (2 * view.out_width)
            if 0 <= y < full.shape[0] and 0 <= x < full.shape[1]:
                out[i, j] = full[y, x]
    return out[:, ::-1] if view.flip else out


def test_own_size_is_the_photo_itself():
    image = np.random.default_rng(0).integers(0, 256, (20, 30, 3)).astype(np.uint8)
    assert np.array_equal(render_image(image, (20, 30), View.squash(20, 30, 20, 30)), image)
    flipped = View(0, 0, 20, 30, 20, 30, flip=True)
    assert np.array_equal(render_image(image, (20, 30), flipped), image[:, ::-1])
    part = View(5, -3, 10, 12, 10, 12)
    found = render_image(image, (20, 30), part)
    assert (found[:, :3] == PADDING).all()
    assert np.array_equal(found[:, 3:], image[5:15, :9])


def test_shrinking_averages():
    image = np.random.default_rng(1).integers(0, 256, (24, 36, 3)).astype(np.uint8)
    means = image.reshape(6, 4, 6, 6, 3).mean(axis=(1, 3))
    found = render_image(image, (24, 36), View.squash(24, 36, 6, 6))
    assert np.abs(found - means).max() <= 0.51


def test_nothing_of_the_photo_is_padding_alone():
    image = np.zeros((8, 8, 3), dtype=np.uint8)
    assert (render_image(image, (8, 8), View(100, 0, 8, 8, 16, 16)) == PADDING).all()


@pytest.mark.parametrize("resize", ["squash", "pad"])
@pytest.mark.parametrize("reduced", [1, 2])
def test_picture_and_maps_agree(make_table, resize, reduced):
    """A photo painted like its mask: wherever the two disagree, an edge is near."""
    rng = np.random.default_rng(2)
    mask = np.zeros((120, 90), dtype=bool)
    mask[30:80, 20:70] = True
    table = make_table({"x.jpg": (120, 90, [(1, [], mask)])})
    field = np.where(mask, 250, 10).reshape(120 // reduced, reduced, 90 // reduced, reduced).mean(axis=(1, 3))
    image = np.repeat(field.astype(np.uint8)[..., None], 3, axis=2)
    shifts = []
    augment = AugmentConfig(scale=0.4, shift=0.3)
    for _ in range(50):
        view = training_view(120, 90, 40, resize, augment=augment, rng=rng)
        picture = render_image(image, (120, 90), view)[..., 0]
        labels, _, _ = paint_maps(table, 0, view, (120, 90), (0, 0, 0))
        assert np.array_equal(labels[0] == 255, (picture == PADDING) & (nearest_map(mask, view) < 0))
        inside, outside = labels[0] == 1, labels[0] == 3
        assert (picture[away_from_edges(inside)] > 200).all()
        assert (picture[away_from_edges(outside)] < 60).all()
        shifts.append(np.mean((picture > 130) & ~(picture == PADDING)) - np.mean(inside))
        if reduced == 1:
            assert (picture[inside] > 60).all()
    assert abs(np.mean(shifts)) < 0.005


def test_decoded_small_when_that_suffices(tmp_path):
    gradient = np.broadcast_to(np.linspace(0, 255, 800)[None, :, None], (640, 800, 3)).astype(np.uint8)
    Image.fromarray(np.ascontiguousarray(gradient)).save(tmp_path / "x.jpg", quality=98)
    view = plain_view(640, 800, 50, "squash")
    found = render(load_photo(tmp_path / "x.jpg"), (640, 800), view)
    assert np.abs(found.astype(float) - np.linspace(0, 255, 800).reshape(50, 16).mean(axis=1)[None, :, None]).max() < 3
    assert np.array_equal(render(load_photo(tmp_path / "x.jpg"), None, view).shape, (50, 50, 3))


def test_small_garments_lie_on_large_ones(make_table):
    small, large, hidden = (np.zeros((30, 40), dtype=bool) for _ in range(3))
    small[5:10, 5:10] = True
    large[2:25, 2:25] = True
    hidden[5:10, 5:10] = True
    garments = [(2, [], small), (0, [], large), (1, [], hidden)]
    table = make_table({"x.jpg": (30, 40, garments)})
    labels, regions, kept = paint_maps(table, 0, View.squash(30, 40, 30, 40), (30, 40), (0, 0, 0))
    # Of two equally large ones the later row is on top; the covered one has no pixel and no region.
    classes = table.garment_class[list(kept)]
    assert sorted(classes.tolist()) == [0, 1]
    assert (labels[0][small] == 1).all()
    assert (labels[0][large & ~small] == 0).all()
    assert (labels[0][~large] == 3).all()
    assert (regions[0] == -1)[~large].all()
    assert (classes[regions[0][large]] == labels[0][large]).all()
    assert (labels.dtype, regions.dtype) == (np.uint8, np.int16)


def test_layers_keep_what_is_covered(make_table):
    coat, pocket = np.zeros((30, 40), dtype=bool), np.zeros((30, 40), dtype=bool)
    coat[2:25, 2:25] = True
    pocket[5:10, 5:10] = True
    table = make_table({"x.jpg": (30, 40, [(0, [], coat), (2, [], pocket)])})
    layers = (0, 0, 1)
    labels, regions, _ = paint_maps(table, 0, View.squash(30, 40, 30, 40), (30, 40), layers)
    assert labels.shape == (num_layers(layers), 30, 40)
    assert np.array_equal(labels[0] == 0, coat)
    assert np.array_equal(labels[1] == 2, pocket)
    assert set(np.unique(regions[1])) == {-1, 1}


@pytest.mark.parametrize("resize", ["squash", "pad"])
def test_any_view_is_nearest_sampling(make_table, resize):
    rng = np.random.default_rng(4)
    mask = rng.random((37, 53)) < 0.5
    table = make_table({"x.jpg": (37, 53, [(1, [], mask)])})
    augment = AugmentConfig(scale=0.5, shift=0.5)
    for _ in range(20):
        view = training_view(37, 53, 24, resize, augment=augment, rng=rng)
        owners = paint_owners(table, 0, view, (37, 53), (0, 0, 0))[0]
        expected = nearest_map(np.where(mask, 0, NOBODY), view)
        expected[nearest_map(np.zeros_like(mask, dtype=int), view) < 0] = OUTSIDE
        assert np.array_equal(owners, expected)


def test_table_on_its_own_grid(make_table):
    """A prediction's grid covers the photo, whatever its size."""
    mask = np.zeros((16, 16), dtype=bool)
    mask[:8, :4] = True
    table = make_table({"x.jpg": (16, 16, [(1, [], mask)])})
    labels, _, _ = paint_maps(table, 0, View.squash(100, 200, 40, 40), (100, 200), (0, 0, 0))
    expected = np.full((40, 40), 3)
    expected[:20, :10] = 1
    assert np.array_equal(labels[0], expected)


@pytest.mark.parametrize(("height", "width"), [(800, 160), (160, 800), (400, 400)])
def test_a_photo_is_decoded_no_smaller_than_its_sample_needs(tmp_path, height, width):
    Image.new("RGB", (width, height)).save(tmp_path / "a.jpg")
    asked = []

    with pytest.MonkeyPatch.context() as patch:
        decode = render.__globals__["decode_photo"]
        patch.setitem(
            render.__globals__,
            "decode_photo",
            lambda photo, *, at_least, size: asked.append(at_least) or decode(photo, at_least=at_least, size=size),
        )
        render(load_photo(tmp_path / "a.jpg"), (height, width), View(0, 0, height, width, 32, 32))
        render(load_photo(tmp_path / "a.jpg"), (height, width), View(0, 0, height // 2, width // 4, 32, 32))
    assert asked == [(29, 29), (58, 116)]
