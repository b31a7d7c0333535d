import cv2
import numpy as np
import pytest

from imatfashion.data.lettering import shorten, text_line
from imatfashion.data.overlay import class_colors, draw_overlay, panel

NAMES = ("coat", "skirt", "a very long name of a garment that no legend strip of a small photo can hold whole")


def photo(height: int = 40, width: int = 30) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


def test_colors_are_fixed_and_far_apart() -> None:
    colors = class_colors(46)
    assert colors.shape == (47, 3)
    assert colors.dtype == np.uint8
    np.testing.assert_array_equal(class_colors(10)[:10], colors[:10])
    np.testing.assert_array_equal(class_colors(10)[-1], colors[-1])
    lab = cv2.cvtColor(colors[None].astype(np.float32) / np.float32(255), cv2.COLOR_RGB2Lab)[0]
    distances = np.linalg.norm(lab[:, None] - lab[None], axis=-1)[np.triu_indices(47, 1)]
    assert distances.min() > 10


@pytest.mark.parametrize("count", [0, 1, 254])
def test_colors_of_any_number_of_classes(count: int) -> None:
    assert len(np.unique(class_colors(count), axis=0)) == count + 1


def test_overlay_without_legend_keeps_the_size_and_colours_each_class() -> None:
    labels = np.full((1, 40, 30), 3, dtype=np.uint8)
    labels[0, 5:20, 5:20] = 0
    out = draw_overlay(np.zeros((40, 30, 3), dtype=np.uint8), labels, NAMES, legend=False)
    assert out.shape == (40, 30, 3)
    np.testing.assert_allclose(out[12, 12], 0.7 * class_colors(3)[0], atol=1)
    assert len(np.unique(out[30, 25])) == 1, "background is grey"


def test_a_later_layer_lies_on_top_and_the_unjudged_is_darker() -> None:
    labels = np.full((2, 40, 30), 3, dtype=np.uint8)
    labels[0, :30], labels[1, :10] = 0, 1
    labels[:, :, 20:] = 255
    out = draw_overlay(np.full((40, 30, 3), 128, dtype=np.uint8), labels, NAMES, legend=False).astype(int)
    assert np.abs(out[5, 5] - class_colors(3)[1]).sum() < np.abs(out[5, 5] - class_colors(3)[0]).sum()
    assert np.abs(out[20, 5] - class_colors(3)[0]).sum() < np.abs(out[20, 5] - class_colors(3)[1]).sum()
    assert out[35, 25].sum() < out[35, 5].sum()


def test_legend_is_a_strip_below_and_small_photos_are_enlarged() -> None:
    labels = np.full((40, 30), 3, dtype=np.uint8)
    empty = draw_overlay(photo(), labels, NAMES)
    labels[5:20, 5:20], labels[20:30, 5:20] = 2, 0
    out = draw_overlay(photo(), labels, NAMES)
    assert out.shape[1] == empty.shape[1] == 300
    assert out.shape[0] > 400
    strip = out[400:].reshape(-1, 3)
    for index in (0, 2):
        assert (strip == class_colors(3)[index]).all(axis=1).any(), "swatch in the legend"
    assert not (strip == class_colors(3)[1]).all(axis=1).any()


def test_sizes_that_differ_are_refused() -> None:
    with pytest.raises(ValueError, match="labels are"):
        draw_overlay(photo(), np.zeros((1, 30, 40), dtype=np.uint8), NAMES)


@pytest.mark.parametrize("columns", [1, 2, 3])
def test_panel_brings_pictures_of_any_size_together(columns: int) -> None:
    rows = [[photo(40, 30)] * columns, [photo(500, 700)] * columns]
    out = panel(rows, ["first — 0.71", "second\nline"], cell_width=100)
    assert out.dtype == np.uint8
    assert out.shape[1] == columns * 100 + (columns + 1) * 4
    assert out.shape[0] > 133 + 71
    np.testing.assert_array_equal(out, panel(rows, ["first — 0.71", "second\nline"], cell_width=100))


def test_panel_of_nothing_says_so() -> None:
    assert panel([]).shape[2] == 3


def test_text_is_cut_to_its_place() -> None:
    assert shorten("coat", 200, 16) == "coat"
    assert shorten("a" * 200, 100, 16).endswith("…")
    assert text_line("x" * 500, 60, 14).shape == (26, 60, 3)
    assert (text_line("coat", 60, 14) < 100).any()
