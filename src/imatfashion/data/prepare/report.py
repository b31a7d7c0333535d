"""What `imatfashion prepare` says at the end."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

_SHOWN = 5
"""Names that are listed."""


@dataclass(frozen=True)
class PrepareReport:
    """What was prepared.

    Attributes:
        out: the folder.
        resolution: side of the samples that it is for, pixels.
        photos: photos of the table.
        garments: garments of the table.
        resumed: photos that an earlier, killed preparation had left; all of them where nothing was to be done.
        unreadable: names of photos that could not be read; training leaves them out.
        bytes: size of the prepared data.
        seconds: wall time.
    """

    out: Path
    resolution: int
    photos: int
    garments: int
    resumed: int
    unreadable: tuple[str, ...]
    bytes: int
    seconds: float

    def __str__(self) -> str:
        size = f"{self.bytes / 1e6:,.0f} MB, {self.bytes / max(1, self.photos) / 1e3:.0f} kB a photo"
        lines = [f"{self.photos} photos and {self.garments} garments in {self.out} ({size})"]
        if self.resumed:
            lines.append(f"{self.resumed} of the photos were there already")
        if self.unreadable:
            names = ", ".join(self.unreadable[:_SHOWN]) + (", …" if len(self.unreadable) > _SHOWN else "")
            lines.append(f"{len(self.unreadable)} photos cannot be read and will be left out of training: {names}")
        lines.append(
            f"{self.seconds:.0f} s; to train on it: python train.py data.root={self.out} resolution={self.resolution}"
        )
        return "\n".join(lines)
