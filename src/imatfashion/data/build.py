"""The table of a data set: built once, reopened afterwards."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from imatfashion.data.annotations import PREPARED, Annotations
from imatfashion.data.meter import Progress
from imatfashion.data.prepared import is_prepared, open_prepared
from imatfashion.data.sources import USUAL, DataFiles, Source, load, locate
from imatfashion.data.table.builder import TableBuilder
from imatfashion.data.table.cache import photo_dir_entry, table_path
from imatfashion.data.table.files import file_state, is_table
from imatfashion.data.table.refusals import Refusals, first_refusal
from imatfashion.data.table.writer import TableWriter
from imatfashion.errors import FashionError


@dataclass(frozen=True)
class BuildReport:
    """What a build found: photos, garments, refused records, and how often each kind of reason came."""

    photos: int
    garments: int
    refused: int
    reasons: dict[str, int]


def open_table(
    root: Path, files: DataFiles = USUAL, *, check_photos: bool = True, progress: Progress | None = None
) -> Annotations:
    """The table of a data set: built at the first call, opened memory-mapped afterwards; prepared data is one already.

    It lies in `ROOT/.imatfashion` where that can be written, else in $IMATFASHION_CACHE, else in the user's cache.

    Args:
        root: folder of the data set, or its annotation file.
        files: which of its files are meant, and how they are read; the format may be `prepared`, too.
        check_photos: as `build_table`.
        progress: as `build_table`.

    Raises:
        FashionError: a file-level fault; a bad record where `files.on_bad` is `error`; no record at all is usable.
    """
    _check_on_bad(files.on_bad)
    if files.format == PREPARED or (files.format == "auto" and is_prepared(root)):
        return _open_prepared(root, files)
    place = locate(root, files)
    path = table_path(place, check_photos=check_photos)
    table = Annotations(path) if is_table(path) else None
    if table is None or _repaired(table):
        build_table(
            load(place),
            path,
            check_photos=check_photos,
            on_bad=files.on_bad,
            progress=progress,
            replace=table is not None,
        )
        table = Annotations(path)
    if files.on_bad == "error" and table.refused:
        raise FashionError(first_refusal(table.path, place.annotations))
    return table


def build_table(
    source: Source,
    out: Path,
    *,
    check_photos: bool = True,
    on_bad: str = "skip",
    progress: Progress | None = None,
    replace: bool = False,
) -> BuildReport:
    """Stream a source into a table.

    Args:
        source: what is read.
        out: the table's folder.
        check_photos: look at each photo: is it there, whole, and of the annotated size.
        on_bad: `skip` lists bad records in refused.csv, `error` raises at the first.
        progress: is told now and then how far the reading is: done and total, bytes.
        replace: put the table in the place of one that is there.

    Raises:
        FashionError: a file-level fault; a bad record where `on_bad` is `error`; no record at all is usable.
    """
    _check_on_bad(on_bad)
    if check_photos and source.grid is None and source.photo_dir is None:
        raise FashionError(
            f"the photos of {source.annotations} are not found: give their folder as data.photos (--photo-dir)"
        )
    meta = {
        "kind": "annotations",
        "format": source.format,
        "source": source.annotations.name,
        "grid": source.grid,
        "photo_dir": photo_dir_entry(source.photo_dir, out),
    }
    with TableWriter(out, classes=source.classes, attributes=source.attributes, meta=meta, replace=replace) as writer:
        with Refusals(writer.folder, source.annotations, on_bad) as refusals:
            builder = TableBuilder(source, writer, refusals, check_photos=check_photos)
            builder.run(progress)
        reasons = dict(refusals.reasons.most_common())
        report = BuildReport(builder.photos, builder.garments, sum(reasons.values()), reasons)
        writer.meta |= {"refused": report.refused, "reasons": reasons, "photo_faults": builder.photo_faults}
        writer.meta |= {"left_out": builder.left_out}
    return report


def _check_on_bad(on_bad: str) -> None:
    if on_bad not in ("skip", "error"):
        raise FashionError(f"data.on_bad={on_bad} is unknown: it is skip or error")


def _open_prepared(root: Path, files: DataFiles) -> Annotations:
    for key in ("annotations", "photos", "labels"):
        given = getattr(files, key)
        if given is not None:
            raise FashionError(f"data.{key}={given} is not for prepared data, which has everything in {root}: leave it")
    table = open_prepared(root)
    if files.on_bad == "error" and table.refused:
        raise FashionError(
            f"{root} was prepared without {table.refused} bad record(s), which its refused.csv lists: mend them and "
            "prepare the data again, or leave out data.on_bad=error"
        )
    return table


def _repaired(table: Annotations) -> bool:
    """Whether a photo that was refused is another file by now."""
    folder = table.photo_dir
    faults: dict[str, list[int]] = table.meta.get("photo_faults", {})
    return folder is not None and any(file_state(folder / name) != state for name, state in faults.items())
