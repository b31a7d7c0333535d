"""What one request may ask for."""

from __future__ import annotations

from dataclasses import dataclass

MEGA = 1_000_000
LONGEST_NAME = 200
"""Characters of a photo's name; a longer one is cut."""


@dataclass(frozen=True)
class Limits:
    """What one request may ask for.

    Attributes:
        photo_bytes: bytes of a photo.
        pixels: pixels of a photo, known from its header before anything is decoded.
        waiting: photos that wait or are being predicted; each is held in memory.
        photos: photos that the page takes at once, and a download holds.
        rows_bytes: bytes of the rows that are sent back for a download.
        grid: side of a submission's grid, pixels.
    """

    photo_bytes: int = 20 * MEGA
    pixels: int = 50 * MEGA
    waiting: int = 8
    photos: int = 40
    rows_bytes: int = 100 * MEGA
    grid: int = 512

    @property
    def mega(self) -> str:
        """The photo's bytes as people write them, in MB."""
        return f"{self.photo_bytes / MEGA:g}"
