"""What a reader is given and what the builder asks of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from imatfashion.data.labels import Labels
from imatfashion.data.meter import Meter
from imatfashion.data.records import Record


@dataclass(frozen=True)
class Source:
    """Annotations of a known format at a known place.

    Attributes:
        format: the format's name, such as `imaterialist2019`.
        annotations: the annotation file, or the folder of index PNGs.
        photo_dir: folder of the photos, None where there is none.
        labels_path: the label file (for COCO perhaps the annotation file itself).
        classes: the categories.
        attributes: the attributes.
        grid: side of the grid that the masks lie on, pixels; None where they lie on the photo.
        group_by: column of a CSV whose value groups photos (a regex on names is not the reader's matter).
        read: the format's reader.
        meter: how far the reader has come.
    """

    format: str
    annotations: Path
    photo_dir: Path | None
    labels_path: Path
    classes: Labels
    attributes: Labels
    grid: int | None
    group_by: str | None
    read: Callable[[Source], Iterator[Record]] = field(repr=False, compare=False)
    meter: Meter = field(default_factory=Meter, repr=False, compare=False)

    def records(self) -> Iterator[Record]:
        """Garments, photos without garments and refusals, streamed in the source's order."""
        return self.read(self)
