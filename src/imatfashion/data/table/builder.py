"""From records to a table: each record is taken or refused with a reason."""

from __future__ import annotations

from hashlib import blake2b
from time import monotonic

import numpy as np

from imatfashion.data.meter import Progress
from imatfashion.data.photos import PhotoError, check_photo, read_header
from imatfashion.data.records import EmptyPhoto, Garment, Record, Refusal
from imatfashion.data.sources import Source
from imatfashion.data.sources.fields import FieldError, parse_photo
from imatfashion.data.sources.photo_files import photo_names
from imatfashion.data.table.files import file_state
from imatfashion.data.table.photo_faults import PhotoFaults
from imatfashion.data.table.refusals import Refusals
from imatfashion.data.table.writer import TableWriter
from imatfashion.errors import FashionError

_REPORT_EVERY = 0.1
"""Seconds."""
_COMPETITION = ("imaterialist2019", "imaterialist2020")


class TableBuilder:
    """Puts a source's records into a table, or among the refusals.

    Args:
        source: what is read.
        writer: the table.
        refusals: where refused records go.
        check_photos: look at each photo: is it there, whole, and of the annotated size.

    Attributes:
        photos: photos in the table.
        garments: garments in the table.
    """

    def __init__(self, source: Source, writer: TableWriter, refusals: Refusals, *, check_photos: bool) -> None:
        self.source, self.writer, self.refusals = source, writer, refusals
        self.photos = 0
        self.garments = 0
        self._photo_dir = source.photo_dir if check_photos and source.grid is None else None
        self._faults = PhotoFaults(self._photo_dir)
        self._checked: dict[tuple[str, int, int], str | None] = {}
        self._digests: set[bytes] = set()
        self._named: set[str] = set()

    def run(self, progress: Progress | None) -> None:
        """Take all records of the source.

        Raises:
            FashionError: a file-level fault, or nothing that can be used.
        """
        due, meter = 0.0, self.source.meter
        for record in self.source.records():
            self.add(record)
            if progress is not None and monotonic() >= due:
                progress(meter.done, meter.total)
                due = monotonic() + _REPORT_EVERY
        self._add_photos_without_rows()
        # A submission may be filler alone; annotations without a garment teach and measure nothing.
        if not self.garments and (self.source.grid is None or self.refusals.first or not self.photos):
            first = self.refusals.first or "it lists no garment"
            raise FashionError(f"nothing in {self.source.annotations} can be used; the first fault: {first}")

    @property
    def photo_faults(self) -> dict[str, list[int]]:
        """By what a repair of a refused photo is noticed: names below the photo folder, sizes in bytes and times."""
        return self._faults.states

    @property
    def left_out(self) -> list[str]:
        """Names of the photos that have records, all of which were refused."""
        return sorted(name for name in self._named if self.writer.size_of(name) is None and _is_photo(name))

    def add(self, record: Record) -> None:
        """Take one record or refuse it."""
        self._named.add(record.photo)
        if isinstance(record, Refusal):
            self.refusals.add(record)
            return
        reason = self._photo_fault(record)
        if isinstance(record, Garment):
            reason = reason or self._garment_fault(record)
        if reason is not None:
            self.refusals.add(Refusal(record.row if isinstance(record, Garment) else -1, record.photo, reason))
            return
        self.photos += self.writer.size_of(record.photo) is None
        self.writer.photo(record.photo, record.height, record.width)
        if isinstance(record, Garment):
            self._add_garment(record)

    def _add_garment(self, record: Garment) -> None:
        class_index = self.source.classes.index(record.class_id)
        assert class_index is not None  # refused before
        attributes: list[int] | None = None
        if record.attribute_ids is not None:
            attributes = [i for i in map(self.source.attributes.index, record.attribute_ids) if i is not None]
        self.writer.garment(record.photo, class_index, attributes, record.runs, record.row, group=record.group)
        self.garments += 1

    def _photo_fault(self, record: Garment | EmptyPhoto) -> str | None:
        size = (record.height, record.width)
        known = self.writer.size_of(record.photo)
        if known is not None and known != size:
            return f"the size {size[0]} × {size[1]} differs from an earlier row's {known[0]} × {known[1]}"
        if known is not None or self._photo_dir is None:
            return None
        key = (record.photo, *size)
        if key not in self._checked:
            path = self._photo_dir / record.photo
            state = file_state(path)  # before the look: a file that arrives meanwhile then counts as repaired
            self._checked[key] = check_photo(path, *size)
            if self._checked[key] is not None:
                self._faults.add(record.photo, state)
        return self._checked[key]

    def _garment_fault(self, record: Garment) -> str | None:
        if self.source.classes.index(record.class_id) is None:
            return f"the class id {record.class_id} is not in the label file"
        for attribute_id in record.attribute_ids or ():
            if self.source.attributes.index(attribute_id) is None:
                return f"the attribute id {attribute_id} is not in the label file"
        # A digest a garment, not its runs, so that memory hardly grows.
        digest = blake2b(f"{record.photo}\0{record.class_id}\0".encode(), digest_size=12)
        digest.update(np.ascontiguousarray(record.runs.starts).data)
        digest.update(np.ascontiguousarray(record.runs.lengths).data)
        if digest.digest() in self._digests:
            return "the row is a duplicate: an earlier one has the same photo, class and runs"
        self._digests.add(digest.digest())
        return None

    def _add_photos_without_rows(self) -> None:
        """A photo of the competition's folder that the CSV of that folder never names has no garment."""
        folder = self._photo_dir
        if folder is None or self.source.format not in _COMPETITION or self.source.annotations.stem != folder.name:
            return
        for name in photo_names(folder):
            if name in self._named:
                continue
            try:
                height, width, orientation = read_header(folder / name)
            except PhotoError as error:
                self.refusals.add(Refusal(-1, name, error.reason))
                continue
            # As viewers show it: EXIF orientations from 5 on lie on their side.
            self.add(EmptyPhoto(name, *((width, height) if orientation >= 5 else (height, width))))


def _is_photo(name: str) -> bool:
    """Whether a refused record's name can be a photo's: it may be what was refused."""
    try:
        parse_photo(name)
    except FieldError:
        return False
    return True
