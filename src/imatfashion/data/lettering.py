"""Text on pictures, in the clean font that Pillow carries: no font of the machine is asked for."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

Picture = npt.NDArray[np.uint8]

PAPER, INK, QUIET = (255, 255, 255), (32, 33, 36), (110, 114, 120)


def legend_strip(entries: Sequence[tuple[str, Picture]], width: int) -> Picture:
    """A strip of swatches with names, wrapped to the width.

    Args:
        entries: name and colour, uint8 (3,), in the order shown; none is said in words.
        width: pixels of the strip; letters grow with it.

    Returns:
        uint8 (h, width, 3).
    """
    size = max(13, width // 26)
    if not entries:
        return text_line("background only", width, size, indent=size // 2, color=QUIET)
    font, line = ImageFont.load_default(size), int(1.6 * size)
    places, x, y = [], size // 2, 0
    for name, _ in entries:
        needed = int(1.5 * size + font.getlength(shorten(name, width - 3 * size, size)))
        if x + needed > width and x > size:
            x, y = size // 2, y + line
        places.append((x, y))
        x += needed + size
    strip = Image.new("RGB", (width, y + line + size // 3), PAPER)
    draw = ImageDraw.Draw(strip)
    for (name, color), (left, top) in zip(entries, places, strict=True):
        middle = top + line / 2 + size / 6
        swatch = (left, middle - 0.45 * size, left + 0.9 * size, middle + 0.45 * size)
        draw.rounded_rectangle(swatch, radius=size / 5, fill=(int(color[0]), int(color[1]), int(color[2])))
        text = shorten(name, width - 3 * size, size)
        draw.text((left + 1.3 * size, middle), text, fill=INK, font=font, anchor="lm")
    return np.asarray(strip, dtype=np.uint8)


def shorten(text: str, width: float, size: int) -> str:
    """The text as one line that fits the width, pixels; cut with an ellipsis where needed."""
    font, text = ImageFont.load_default(size), " ".join(text.split())
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(text + "…") > width:
        text = text[:-1]
    return text.rstrip() + "…"


def text_line(text: str, width: int, size: int, *, indent: int = 0, color: tuple[int, int, int] = INK) -> Picture:
    """A line of text on paper, uint8 (h, width, 3)."""
    strip = Image.new("RGB", (width, int(1.9 * size)), PAPER)
    text = shorten(text, width - 2 * indent, size)
    place = (indent, 1.05 * size)
    ImageDraw.Draw(strip).text(place, text, fill=color, font=ImageFont.load_default(size), anchor="lm")
    return np.asarray(strip, dtype=np.uint8)
