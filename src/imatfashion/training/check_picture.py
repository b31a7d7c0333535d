"""Photos as the network sees them, with their masks and names, to be looked at before a day is spent."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import torch

from imatfashion.data.annotations import Annotations
from imatfashion.data.collate import Batch
from imatfashion.data.lettering import PAPER, Picture, text_line
from imatfashion.data.overlay import draw_overlay
from imatfashion.training.seen import images_of

# Width of a photo, pixels; photos side by side; space between them.
_WIDTH = 300
_COLUMNS = 4
_GAP = 12
# Letters that fit below a photo.
_LETTERS = 52


def draw_batches(batches: Sequence[Batch], table: Annotations, *, most: int, attributes: bool) -> Picture:
    """The batches' photos, with their labels over them and the names below.

    Args:
        batches: on the CPU.
        table: names photos, classes and attributes.
        most: photos shown.
        attributes: write the attributes of the garments below, too.

    Returns:
        uint8 (H, W, 3), RGB.
    """
    cells = [cell for batch in batches for cell in _cells(batch, table, attributes)][:most]
    columns = min(_COLUMNS, len(cells))
    width = columns * _WIDTH + (columns + 1) * _GAP
    title = "augmented training photos: does each colour lie on what its name says?"
    rows = [text_line(title, width, 15, indent=_GAP)]
    for first in range(0, len(cells), columns):
        rows.append(_row(cells[first : first + columns], width))
    return np.concatenate(rows)


def _cells(batch: Batch, table: Annotations, attributes: bool) -> list[Picture]:
    cells = []
    for index, photo in enumerate(images_of(batch)):
        below = _attribute_lines(batch, index, table) if attributes else []
        cells.append(_cell(batch, index, photo, table, below))
    return cells


def _cell(batch: Batch, index: int, photo: Picture, table: Annotations, below: Sequence[str]) -> Picture:
    """A photo as it is seen, the same with its labels and their names, and lines of text."""
    height = round(photo.shape[0] * _WIDTH / photo.shape[1])
    labels = batch["labels"][index].numpy()
    shown = np.stack([cv2.resize(layer, (_WIDTH, height), interpolation=cv2.INTER_NEAREST) for layer in labels])
    seen = np.asarray(cv2.resize(photo, (_WIDTH, height), interpolation=cv2.INTER_LINEAR), dtype=np.uint8)
    return np.concatenate(
        [
            text_line(table.name(int(batch["photo"][index])), _WIDTH, 13),
            seen,
            draw_overlay(seen, shown, table.classes.names),
            *(text_line(line, _WIDTH, 12) for line in below),
        ]
    )


def _attribute_lines(batch: Batch, index: int, table: Annotations) -> list[str]:
    """`shirt: striped, long sleeve` for each garment of a photo with known attributes."""
    lines = []
    for garment in torch.nonzero(batch["garment_photo"] == index).flatten().tolist():
        owned = torch.nonzero(batch["garment_attributes"][garment]).flatten().tolist()
        if owned and batch["garment_known"][garment]:
            class_name = table.classes.names[int(batch["garment_class"][garment])]
            text = f"· {class_name}: " + ", ".join(table.attributes.names[attribute] for attribute in owned)
            lines += textwrap.wrap(text, _LETTERS)
    return lines


def _row(cells: Sequence[Picture], width: int) -> Picture:
    row = np.full((max(cell.shape[0] for cell in cells) + _GAP, width, 3), PAPER, dtype=np.uint8)
    for column, cell in enumerate(cells):
        left = _GAP + column * (_WIDTH + _GAP)
        row[: cell.shape[0], left : left + _WIDTH] = cell
    return row


def save_png(path: Path, picture: Picture) -> None:
    """Write a picture uint8 (H, W, 3), RGB, as PNG."""
    written, data = cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    assert written
    path.write_bytes(data.tobytes())
