"""Writing an annotation table: arrays grow on disk, the finished folder appears by one rename."""

from __future__ import annotations

import json
import os
import secrets
import shutil
from array import array
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

import numpy as np
import numpy.typing as npt

from imatfashion.data.labels import Labels
from imatfashion.errors import FashionError
from imatfashion.masks.runs import Runs

VERSION = 1
"""Of the table's format; it goes into the cache key, so that older tables are built anew."""


class TableWriter:
    """Builds a table as a context manager; leaving it without an error puts the table in place.

    Only a few numbers a garment are held in memory; runs go to disk at once.

    Args:
        out: the table's folder.
        classes: the categories that class indices mean.
        attributes: the attributes that attribute indices mean.
        meta: what else `meta.json` shall hold (JSON values); `writer.meta` may be changed until the end.
        replace: put the table in the place of one that is there; otherwise that one stays, and this one is dropped
            (when two processes build the same table, the loser uses the winner's).
    """

    def __init__(
        self, out: Path, *, classes: Labels, attributes: Labels, meta: dict[str, Any], replace: bool = False
    ) -> None:
        self.out = out
        self.classes = classes
        self.attributes = attributes
        self.meta = meta
        self.replace = replace
        self.folder = out.with_name(f".{out.name}.building-{os.getpid()}-{secrets.token_hex(4)}")
        """Where the table grows; further files laid there (refused.csv) become part of it."""
        self._photos: dict[str, int] = {}
        self._sizes = array("i")
        self._groups: dict[int, str] = {}
        self._photo, self._class, self._given = array("i"), array("h"), array("b")
        self._area, self._row, self._score = array("q"), array("q"), array("f")
        self._begin, self._count = array("q"), array("i")
        self._pair_garment, self._pair_attribute = array("i"), array("h")
        self._runs = 0

    def __enter__(self) -> Self:
        try:
            self.folder.mkdir(parents=True)
        except OSError as error:
            raise FashionError(f"The table {self.out} cannot be written ({error.strerror}).") from error
        self._starts = _GrowingArray(self.folder / "run_starts.npy")
        self._lengths = _GrowingArray(self.folder / "run_lengths.npy")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._starts.close()
        self._lengths.close()
        try:
            if kind is None:
                self._write_arrays()
                self._write_meta()
                _sync(self.folder)
                self._put_in_place()
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)

    def size_of(self, name: str) -> tuple[int, int] | None:
        """Height and width under which a photo is registered, None where it is not."""
        index = self._photos.get(name)
        return None if index is None else (self._sizes[2 * index], self._sizes[2 * index + 1])

    def photo(self, name: str, height: int, width: int) -> None:
        """Register a photo by its name and its grid's size, pixels; its first registration counts."""
        if name not in self._photos:
            self._photos[name] = len(self._photos)
            self._sizes.extend((height, width))

    def garment(
        self,
        photo: str,
        class_index: int,
        attributes: Sequence[int] | None,
        runs: Runs,
        row: int = 0,
        score: float = 1.0,
        group: str = "",
    ) -> None:
        """Add a garment of a registered photo.

        Args:
            photo: the photo's name.
            class_index: index into the categories.
            attributes: indices into the attributes; None where they are left open.
            runs: the mask on the photo's grid.
            row: where the source has it.
            score: confidence, 1 for an annotation.
            group: value of the grouping column; a photo takes the first one that is not empty.
        """
        photo_index = self._photos[photo]
        self._pair_garment.extend([len(self._photo)] * len(attributes or ()))
        self._pair_attribute.extend(attributes or ())
        self._photo.append(photo_index)
        self._class.append(class_index)
        self._given.append(attributes is not None)
        self._area.append(runs.area)
        self._row.append(row)
        self._score.append(score)
        self._begin.append(self._runs)
        self._count.append(len(runs.starts))
        self._starts.append(runs.starts)
        self._lengths.append(runs.lengths)
        self._runs += len(runs.starts)
        if group:
            self._groups.setdefault(photo_index, group)

    def _write_arrays(self) -> None:
        photos, garments = len(self._photos), len(self._photo)
        photo = np.array(self._photo, dtype=np.int32)
        # Runs stay in the order of the source: garments say where theirs begin, so only small arrays are sorted.
        order = np.argsort(photo, kind="stable")
        columns: dict[str, npt.NDArray[Any]] = {
            "garment_photo": photo,
            "garment_class": np.array(self._class, dtype=np.int16),
            "garment_area": np.array(self._area, dtype=np.int64),
            "garment_score": np.array(self._score, dtype=np.float32),
            "garment_row": np.array(self._row, dtype=np.int64),
            "run_begin": np.array(self._begin, dtype=np.int64),
            "run_count": np.array(self._count, dtype=np.int32),
        }
        for name, column in columns.items():
            self._save(name, column[order])
        self._write_attributes(order, columns["garment_class"][order])
        self._save("photo_size", np.array(self._sizes, dtype=np.int32).reshape(photos, 2))
        self._save("photo_garments", np.searchsorted(photo[order], np.arange(photos + 1)).astype(np.int64))
        names = [name.encode() for name in self._photos]
        self._save_strings("name", names)
        self._save("name_order", np.array(sorted(range(photos), key=names.__getitem__), dtype=np.int32))
        self._save_strings("group", [self._groups.get(index, "").encode() for index in range(photos)])
        self.meta |= {"photos": photos, "garments": garments, "runs": self._runs}

    def _write_attributes(self, order: npt.NDArray[np.intp], garment_class: npt.NDArray[np.int16]) -> None:
        place = np.empty(len(order), dtype=np.int64)
        place[order] = np.arange(len(order))
        has = np.zeros((len(order), len(self.attributes)), dtype=np.bool_)
        garment = place[np.array(self._pair_garment, dtype=np.int64)]
        has[garment, np.array(self._pair_attribute, dtype=np.int64)] = True
        # A class that has no attribute anywhere in the table leaves nothing open.
        described = np.zeros(len(self.classes), dtype=np.bool_)
        described[garment_class[garment]] = True
        given = np.array(self._given, dtype=np.bool_)[order]
        self._save("garment_attributes", has)
        self._save("garment_known", given | ~described[garment_class])

    def _write_meta(self) -> None:
        labels = {"classes": self.classes, "attributes": self.attributes}
        lists = {key: {"ids": v.ids, "names": v.names, "groups": v.groups} for key, v in labels.items()}
        text = json.dumps({"version": VERSION, **self.meta, **lists}, ensure_ascii=False, indent=1)
        (self.folder / "meta.json").write_text(text, encoding="utf-8")

    def _save(self, name: str, values: npt.NDArray[Any]) -> None:
        np.save(self.folder / f"{name}.npy", values, allow_pickle=False)

    def _save_strings(self, name: str, values: list[bytes]) -> None:
        offsets = np.zeros(len(values) + 1, dtype=np.int64)
        np.cumsum([len(value) for value in values], out=offsets[1:])
        self._save(f"{name}_bytes", np.frombuffer(b"".join(values), dtype=np.uint8))
        self._save(f"{name}_offsets", offsets)

    def _put_in_place(self) -> None:
        if self.replace and (self.out / "meta.json").is_file():
            # A table that is open stays readable: its files live as long as they are mapped.
            aside = self.folder.with_name(self.folder.name + "-old")
            self.out.rename(aside)
            shutil.rmtree(aside, ignore_errors=True)
        try:
            self.folder.rename(self.out)
        except OSError as error:
            if not (self.out / "meta.json").is_file():
                raise FashionError(f"The table cannot be put at {self.out} ({error.strerror}).") from error
        _sync_folder(self.out.parent)


class _GrowingArray:
    """An int32 .npy file that is appended to; its length is written into the header at the end."""

    def __init__(self, path: Path) -> None:
        self._file: BinaryIO = path.open("wb")
        self._length = 0
        self._header()

    def append(self, values: npt.NDArray[np.int32]) -> None:
        self._file.write(np.ascontiguousarray(values, dtype=np.int32).tobytes())
        self._length += len(values)

    def close(self) -> None:
        self._file.seek(0)
        self._header()
        self._file.close()

    def _header(self) -> None:
        # numpy pads its headers, so that a longer length fits where a shorter one stood.
        fields = {"descr": "<i4", "fortran_order": False, "shape": (self._length,)}
        np.lib.format.write_array_header_1_0(self._file, fields)


def _sync(folder: Path) -> None:
    for path in folder.iterdir():
        with path.open("rb") as file:
            os.fsync(file.fileno())
    _sync_folder(folder)


def _sync_folder(folder: Path) -> None:
    if os.name != "posix":  # folders cannot be opened elsewhere
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
