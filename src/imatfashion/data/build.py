"""From a source to the annotation table: what is refused and why, built once, reopened afterwards."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from types import TracebackType
from typing import Self

from imatfashion.data.annotations import Annotations
from imatfashion.data.cache import photo_dir_entry, table_path
from imatfashion.data.records import EmptyPhoto, Garment, Refusal
from imatfashion.data.sources import Source, open_source
from imatfashion.data.table_writer import TableWriter
from imatfashion.errors import FashionError

Progress = Callable[[str], None]
_REPORT_EVERY = 10_000
_COMPETITION = ("imaterialist2019", "imaterialist2020")
_PHOTO_SUFFIXES = {".jpg", ".jpeg", ".png", ".webp"}


@dataclass(frozen=True)
class BuildReport:
    """What a build found: photos, garments, records refused, and how often each reason (its digits aside)."""

    photos: int
    garments: int
    refused: int
    reasons: dict[str, int]


def open_table(
    root: Path,
    *,
    format: str = "auto",
    annotations: str | Path | None = None,
    photos: str | Path | None = None,
    labels: str | Path | None = None,
    group_by: str | None = None,
    on_bad: str = "skip",
    check_photos: bool = True,
    progress: Progress | None = None,
) -> Annotations:
    """The table of a data set: built at the first call, opened memory-mapped afterwards.

    It lies in `ROOT/.imatfashion` where that can be written, else in $IMATFASHION_CACHE, else in the user's cache.

    Args:
        root: folder of the data set, or its annotation file.
        format: as `open_source`.
        annotations: as `open_source`.
        photos: as `open_source`.
        labels: as `open_source`.
        group_by: as `open_source`.
        on_bad: `skip` lists bad records in refused.csv, `error` raises at the first.
        check_photos: look at each photo: is it there, whole, and of the annotated size.
        progress: is told now and then, in words, how far the build is.

    Raises:
        FashionError: a file-level fault; a bad record where `on_bad` is `error`; no record at all is usable.
    """
    source = open_source(root, format=format, annotations=annotations, photos=photos, labels=labels, group_by=group_by)
    path = table_path(source, check_photos=check_photos)
    if not (path / "meta.json").is_file():
        build_table(source, path, check_photos=check_photos, on_bad=on_bad, progress=progress)
    table = Annotations(path)
    if on_bad == "error" and table.refused:
        raise FashionError(_first_refusal(table.path / "refused.csv", source.annotations))
    return table


def build_table(
    source: Source, out: Path, *, check_photos: bool = True, on_bad: str = "skip", progress: Progress | None = None
) -> BuildReport:
    """Stream a source into a table.

    Args:
        source: what is read.
        out: the table's folder.
        check_photos: look at each photo: is it there, whole, and of the annotated size.
        on_bad: `skip` lists bad records in refused.csv, `error` raises at the first.
        progress: is told now and then, in words, how far the build is.

    Raises:
        FashionError: a file-level fault; a bad record where `on_bad` is `error`; no record at all is usable.
    """
    if on_bad not in ("skip", "error"):
        raise FashionError(f"data.on_bad={on_bad} is unknown: it is skip or error.")
    if check_photos and source.grid is None and source.photo_dir is None:
        raise FashionError(f"The photos of {source.annotations} are not found: give their folder as data.photos.")
    meta = {
        "kind": "annotations",
        "format": source.format,
        "source": source.annotations.name,
        "grid": source.grid,
        "photo_dir": photo_dir_entry(source.photo_dir, out),
    }
    with TableWriter(out, classes=source.classes, attributes=source.attributes, meta=meta) as writer:
        with _Refusals(writer.folder / "refused.csv", source.annotations, on_bad) as refusals:
            builder = _Builder(source, writer, refusals, check_photos)
            builder.run(progress)
        report = builder.report()
        writer.meta |= {"refused": report.refused, "reasons": report.reasons}
    return report


class _Refusals:
    """refused.csv as it grows, and a count of the reasons."""

    def __init__(self, path: Path, source: Path, on_bad: str) -> None:
        self.reasons: Counter[str] = Counter()
        self.first = ""
        self._source, self._on_bad = source, on_bad
        self._file = path.open("w", encoding="utf-8", newline="")
        self._rows = csv.writer(self._file)

    def __enter__(self) -> Self:
        self._rows.writerow(["row", "photo", "reason"])
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._file.close()

    def add(self, row: int, photo: str, reason: str) -> None:
        sentence = refusal_sentence(self._source, row, photo, reason)
        if self._on_bad == "error":
            raise FashionError(sentence)
        self.first = self.first or sentence
        self.reasons["".join("N" if c.isdigit() else c for c in reason)[:80]] += 1
        self._rows.writerow([row, plain_cell(photo), plain_cell(reason)])


class _Builder:
    """Puts a source's records into a table, or among the refusals."""

    def __init__(self, source: Source, writer: TableWriter, refusals: _Refusals, check_photos: bool) -> None:
        self.source, self.writer, self.refusals = source, writer, refusals
        self.garments = 0
        self._photo_dir = source.photo_dir if check_photos and source.grid is None else None
        self._faults: dict[tuple[str, int, int], str | None] = {}
        self._seen: set[bytes] = set()
        self._named: set[str] = set()
        self._photos: set[str] = set()

    def run(self, progress: Progress | None) -> None:
        for count, record in enumerate(self.source.records(), start=1):
            self._add(record)
            if progress is not None and count % _REPORT_EVERY == 0:
                progress(f"{self.source.annotations.name}: {count:,} records read")
        self._add_photos_without_rows()
        if not self._photos:
            first = self.refusals.first or "it lists no photo."
            raise FashionError(f"Nothing in {self.source.annotations} can be used; the first fault: {first}")

    def report(self) -> BuildReport:
        reasons = dict(self.refusals.reasons.most_common())
        return BuildReport(len(self._photos), self.garments, sum(reasons.values()), reasons)

    def _add(self, record: Garment | EmptyPhoto | Refusal) -> None:
        self._named.add(record.photo)
        if isinstance(record, Refusal):
            self.refusals.add(record.row, record.photo, record.reason)
            return
        reason = self._photo_fault(record)
        if isinstance(record, Garment):
            reason = reason or self._garment_fault(record)
        if reason is not None:
            self.refusals.add(record.row if isinstance(record, Garment) else 0, record.photo, reason)
            return
        self._photos.add(record.photo)
        self.writer.photo(record.photo, record.height, record.width)
        if isinstance(record, Garment):
            self._add_garment(record)

    def _add_garment(self, record: Garment) -> None:
        ids = record.attribute_ids
        attributes = None if ids is None else [i for i in map(self.source.attributes.index, ids) if i is not None]
        class_index = self.source.classes.index(record.class_id)
        assert class_index is not None  # refused otherwise
        self.writer.garment(record.photo, class_index, attributes, record.runs, row=record.row, group=record.group)
        self.garments += 1

    def _photo_fault(self, record: Garment | EmptyPhoto) -> str | None:
        size = (record.height, record.width)
        known = self.writer.size_of(record.photo)
        if known is not None and known != size:
            return f"the size {size[0]} × {size[1]} differs from an earlier row's {known[0]} × {known[1]}"
        if known is not None or self._photo_dir is None:
            return None
        key = (record.photo, *size)
        if key not in self._faults:
            from imatfashion.data.photos import check_photo

            self._faults[key] = check_photo(self._photo_dir / record.photo, *size)
        return self._faults[key]

    def _garment_fault(self, record: Garment) -> str | None:
        if self.source.classes.index(record.class_id) is None:
            return f"the class id {record.class_id} is not in the label file"
        for attribute_id in record.attribute_ids or ():
            if self.source.attributes.index(attribute_id) is None:
                return f"the attribute id {attribute_id} is not in the label file"
        digest = blake2b(f"{record.photo}\0{record.class_id}\0".encode(), digest_size=12)
        digest.update(record.runs.starts.tobytes())
        digest.update(record.runs.lengths.tobytes())
        if digest.digest() in self._seen:
            return "the row is a duplicate: an earlier one has the same photo, class and runs"
        self._seen.add(digest.digest())
        return None

    def _add_photos_without_rows(self) -> None:
        """A photo of the competition's folder that the CSV of that folder never names has no garment."""
        folder = self._photo_dir
        if folder is None or self.source.format not in _COMPETITION or self.source.annotations.stem != folder.name:
            return
        from imatfashion.data.photos import PhotoError, read_header

        for path in sorted(folder.iterdir()):
            if path.suffix.lower() not in _PHOTO_SUFFIXES or path.name.startswith(".") or path.name in self._named:
                continue
            try:
                height, width, orientation = read_header(path)
            except PhotoError as error:
                self.refusals.add(0, path.name, str(error))
                continue
            # As viewers show it: EXIF orientations from 5 on lie on their side.
            size = (width, height) if orientation >= 5 else (height, width)
            self._add(EmptyPhoto(path.name, *size))


def refusal_sentence(source: Path, row: int, photo: str, reason: str) -> str:
    """A refusal as a sentence for the user."""
    place = f"row {row}" if row else "a photo"
    return f"{source}, {place} ({photo}): {reason}."


def plain_cell(text: str) -> str:
    """The text as a CSV cell that no spreadsheet takes for a formula."""
    return f"'{text}" if text[:1] in tuple("=+-@\t\r") else text


def _first_refusal(path: Path, source: Path) -> str:
    with path.open(encoding="utf-8", newline="") as file:
        row = next(csv.DictReader(file))
    return refusal_sentence(source, int(row["row"]), row["photo"], row["reason"])
