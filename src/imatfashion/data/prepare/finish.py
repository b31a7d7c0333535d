"""From the files of a preparation to prepared data: the table around the photos, put in place by one rename."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from imatfashion.data.annotations import Annotations
from imatfashion.data.prepare.chunks import COUNT, PHOTO, RUN
from imatfashion.data.prepare.parts import COUNTS, RECORDS, RUNS, TABLE
from imatfashion.data.prepare.verify import write_sums
from imatfashion.data.prepared import BLOB, prepared_size
from imatfashion.data.table.files import is_table, put_in_place, save_array
from imatfashion.data.table.refusals import FILE as REFUSED
from imatfashion.data.table.writer import TableWriter
from imatfashion.masks.runs import Runs


def finish(annotations: Annotations, folder: Path, out: Path, meta: dict[str, Any]) -> None:
    """Put the prepared data in place and remove the folder that it grew in; killed, it can be called again.

    Args:
        annotations: the table of the data set.
        folder: the files of all its photos, as `Parts` wrote them.
        out: where the prepared data shall lie.
        meta: what its meta.json shall hold; `resolution` is used.

    Raises:
        OSError: the disk is full, or fails.
        FashionError: something else stands at `out`.
    """
    table = folder / TABLE
    if not is_table(table):
        _write_table(annotations, folder, table, meta)
    # The photos come last, since from then on the files alone would not do.
    if (folder / BLOB).is_file():
        (folder / BLOB).rename(table / BLOB)
    write_sums(table)
    put_in_place(table, out, replace=False)
    shutil.rmtree(folder, ignore_errors=True)


def _write_table(annotations: Annotations, folder: Path, out: Path, meta: dict[str, Any]) -> None:
    records = np.fromfile(folder / RECORDS, dtype=PHOTO)
    offsets = np.concatenate([[0], np.cumsum(records["length"])]).astype(np.int64)
    unreadable = [annotations.name(photo) for photo in np.flatnonzero(records["length"] == 0).tolist()]
    kept: dict[str, Any] = {key: annotations.meta[key] for key in ("refused", "reasons") if key in annotations.meta}
    meta = {**meta, **kept, "unreadable": unreadable}
    with TableWriter(out, classes=annotations.classes, attributes=annotations.attributes, meta=meta) as writer:
        _copy_garments(annotations, folder, writer, int(meta["resolution"]))
        save_array(writer.folder, "photo_offsets", offsets)
        save_array(writer.folder, "photo_crc", records["crc"])
        save_array(writer.folder, "thumbnails", records["thumbnail"])
        if (annotations.path / REFUSED).is_file():
            shutil.copyfile(annotations.path / REFUSED, writer.folder / REFUSED)


def _copy_garments(annotations: Annotations, folder: Path, writer: TableWriter, resolution: int) -> None:
    """All photos and garments as they are in the table, but for their sizes and runs."""
    ends = np.cumsum(np.fromfile(folder / COUNTS, dtype=COUNT), dtype=np.int64)
    pairs = _pairs(folder / RUNS)
    for photo in range(len(annotations)):
        name, group = annotations.name(photo), annotations.group(photo)
        writer.photo(name, *prepared_size(*annotations.size(photo), resolution))
        for garment in annotations.garments(photo):
            known = bool(annotations.garment_known[garment])
            runs = pairs[ends[garment - 1] if garment else 0 : ends[garment]]
            writer.garment(
                name,
                int(annotations.garment_class[garment]),
                np.flatnonzero(annotations.garment_attributes[garment]).tolist() if known else None,
                Runs(runs[:, 0], runs[:, 1]),
                row=int(annotations.garment_row[garment]),
                score=float(annotations.garment_score[garment]),
                group=group,
                # The larger garment is painted first: of copies that differ by rounding that could be another one.
                area=int(annotations.garment_area[garment]),
            )


def _pairs(path: Path) -> npt.NDArray[np.int32]:
    """Start and length of all runs, int32 (r, 2), mapped: they may be larger than memory."""
    if not path.stat().st_size:
        return np.zeros((0, 2), dtype=RUN)
    return np.asarray(np.memmap(path, dtype=RUN, mode="r")).reshape(-1, 2)
