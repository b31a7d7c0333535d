"""What pictures say in letters: names cut where they must be, none over another, captions only where there are any."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from PIL import ImageFont

from imatfashion.data.lettering import PAPER, legend_strip, shorten
from imatfashion.data.overlay import panel

SIZE = 13


def length(text: str) -> float:
    return float(ImageFont.load_default(SIZE).getlength(text))


@pytest.mark.parametrize("width", [30, 60, 100])
def test_a_long_name_keeps_all_that_fits(width: int) -> None:
    text = "shirt, blouse and everything else that is worn above the waist"
    cut = shorten(text, width, SIZE)
    kept = cut.removesuffix("…")
    assert cut != kept
    assert text.startswith(kept)
    assert len(kept) > 1
    assert length(cut) <= width
    assert length(text[: len(text[: len(kept)]) + 2] + "…") > width


def test_a_name_without_room_is_an_ellipsis() -> None:
    assert shorten("shirt", 1, SIZE) == "…"


def test_a_name_that_fits_is_whole_and_in_one_line() -> None:
    assert shorten("shirt,\n blouse", length("shirt, blouse"), SIZE) == "shirt, blouse"


def ink(strip: np.ndarray) -> tuple[int, int]:
    """First and last column with anything on the paper."""
    (columns,) = np.nonzero((strip != np.array(PAPER, dtype=np.uint8)).any(axis=(0, 2)))
    return int(columns[0]), int(columns[-1])


def test_names_of_a_legend_stand_beside_one_another() -> None:
    names = [("shirt", (255, 0, 0)), ("coat", (0, 160, 0)), ("shoe", (0, 0, 255))]
    entries = [(name, np.array(color, dtype=np.uint8)) for name, color in names]
    together = legend_strip(entries, 340)
    widths = [ink(legend_strip([entry], 340))[1] - ink(legend_strip([entry], 340))[0] for entry in entries]
    begins = [np.nonzero((together == color).all(axis=-1).any(axis=0))[0][0] for _, color in entries]
    assert together.shape[0] == legend_strip(entries[:1], 340).shape[0], "one line"
    assert begins[0] + widths[0] < begins[1]
    assert begins[1] + widths[1] < begins[2]
    assert begins[2] + widths[2] <= ink(together)[1] + 2


def test_a_legend_without_room_in_a_line_takes_another() -> None:
    entries = [(f"garment {number}", np.array((255, number, 0), dtype=np.uint8)) for number in range(9)]
    strip = legend_strip(entries, 300)
    assert strip.shape[0] > 2 * legend_strip(entries[:1], 300).shape[0]
    assert ink(strip)[1] < 300 - 1
    rows = [np.flatnonzero((strip == color).all(axis=-1).any(axis=1)) for _, color in entries]
    assert min(len(each) for each in rows) > 10, "each has its swatch"
    for before, after in itertools.pairwise(rows):
        assert before[0] == after[0] or before[-1] < after[0], "lines do not lie on one another"


def test_a_panel_without_captions_has_pictures_alone() -> None:
    rows = [[np.full((40, 30, 3), 90, dtype=np.uint8)] * 2] * 2
    bare, captioned = panel(rows, cell_width=100), panel(rows, ["a", "b"], cell_width=100)
    assert bare.shape[1] == captioned.shape[1]
    assert bare.shape[0] < captioned.shape[0]
