"""The legend beside an overlay: numbered garments with names, scores and attributes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from PIL import Image, ImageDraw, ImageFont

from imatfashion.data.labels import Labels
from imatfashion.predict.results import GarmentResult, PhotoResult

Colour = tuple[int, int, int]

MOST = 30
"""Garments that the legend lists."""
PAPER, INK = (255, 255, 255), (32, 33, 36)
_QUIET = (105, 109, 115)
_PANEL, _MARGIN, _NAME, _SMALL = 380, 18, 18, 14


def draw_legend(
    result: PhotoResult,
    garments: Sequence[GarmentResult],
    colours: Sequence[Colour],
    classes: Labels,
    attributes: Labels,
    height: int,
) -> Image.Image:
    """The list of garments, at least `height` pixels high."""
    entries = [
        (
            number,
            colours[garment.class_index],
            list(_wrap(f"{classes.names[garment.class_index]}  {garment.score:.2f}", _NAME)),
            list(_wrap(", ".join(attributes.names[index] for index in garment.attributes or ()), _SMALL)),
        )
        for number, garment in enumerate(garments[:MOST], start=1)
    ]
    needed = sum(26 * len(names) + 19 * len(lines) + 12 for _, _, names, lines in entries) + 4 * _MARGIN + 30
    panel = Image.new("RGB", (_PANEL, max(height, needed)), PAPER)
    draw, y = ImageDraw.Draw(panel), _MARGIN
    y = _lines(draw, _wrap(result.name, _SMALL), y, _SMALL, _QUIET, left=_MARGIN) + 8
    for number, colour, names, lines in entries:
        draw.rounded_rectangle((_MARGIN, y, _MARGIN + 28, y + 22), radius=4, fill=colour)
        draw.text((_MARGIN + 14, y + 11), str(number), fill=_on(colour), font=ImageFont.load_default(14), anchor="mm")
        y = _lines(draw, names, y, _NAME, INK)
        y = _lines(draw, lines, y, _SMALL, _QUIET) + 12
    more = len(garments) - len(entries)
    rest = f"and {more} smaller ones" if more else "" if garments else "no garment found"
    _lines(draw, [rest], y, _SMALL, _QUIET, left=_MARGIN)
    return panel


def _lines(
    draw: ImageDraw.ImageDraw, lines: Sequence[str] | Iterator[str], y: int, size: int, fill: Colour, left: int = 58
) -> int:
    """Write lines below one another; the row below the last."""
    for line in lines:
        draw.text((left, y), line, fill=fill, font=ImageFont.load_default(size))
        y += 26 if size == _NAME else 19
    return y


def _on(colour: Colour) -> Colour:
    """Black or white, whichever reads better on the colour."""
    return INK if 0.3 * colour[0] + 0.59 * colour[1] + 0.11 * colour[2] > 140 else PAPER


def _wrap(text: str, size: int) -> Iterator[str]:
    """The text in lines that fit the panel."""
    font, room = ImageFont.load_default(size), _PANEL - 58 - _MARGIN
    line = ""
    for word in text.split():
        if line and font.getlength(f"{line} {word}") > room:
            yield line
            line = word
        else:
            line = f"{line} {word}".strip()
        while font.getlength(line) > room and len(line) > 1:
            cut = next(end for end in range(len(line) - 1, 0, -1) if end == 1 or font.getlength(line[:end]) <= room)
            yield line[:cut]
            line = line[cut:]
    if line:
        yield line
