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
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from imatfashion.data.labels import Labels
from imatfashion.data.table.files import GrowingArray, put_in_place, remove_abandoned, save_array, save_strings
from imatfashion.errors import FashionError
from imatfashion.masks.runs import Runs

VERSION = 1
"""Of the table's format; it goes into the cache key, so that older tables are built anew."""

_COLUMNS = {
    "garment_photo": np.int32,
    "garment_class": np.int16,
    "garment_area": np.int64,
    "garment_score": np.float32,
    "garment_row": np.int64,
    "run_begin": np.int64,
    "run_count": np.int32,
    "given": np.int8,
}


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

    Attributes:
        folder: where the table grows; further files laid there (refused.csv) become part of it.
    """

    def __init__(
        self, out: Path, *, classes: Labels, attributes: Labels, meta: dict[str, Any], replace: bool = False
    ) -> None:
        self.out = out
        self.classes = classes
        self.attributes = attributes
        self.meta = dict(meta)
        self.replace = replace
        self.folder = out.with_name(f".{out.name}.building-{os.getpid()}-{secrets.token_hex(4)}")
        self._photos: dict[str, int] = {}
        self._sizes = array("i")
        self._groups: dict[int, str] = {}
        self._columns: dict[str, array[Any]] = {name: array(np.dtype(kind).char) for name, kind in _COLUMNS.items()}
        self._pair_garment, self._pair_attribute = array("i"), array("h")

    def __enter__(self) -> Self:
        try:
            self.folder.mkdir(parents=True)
        except OSError as error:
            raise FashionError(f"the table {self.out} cannot be written ({error.strerror})") from error
        remove_abandoned(self.out)
        self._starts = GrowingArray(self.folder / "run_starts.npy")
        self._lengths = GrowingArray(self.folder / "run_lengths.npy")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            self._starts.close()
            self._lengths.close()
            if kind is None:
                self._write_arrays()
                self._write_meta()
                put_in_place(self.folder, self.out, replace=self.replace)
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
        area: int | None = None,
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
            area: pixels of the mask as annotated, where `runs` are a smaller copy of it; None for those of `runs`.

        Raises:
            KeyError: the photo is not registered.
        """
        index = self._photos[photo]
        garment = len(self._columns["given"])
        self._pair_garment.extend([garment] * len(attributes or ()))
        self._pair_attribute.extend(attributes or ())
        count = len(runs.starts)
        given = attributes is not None
        pixels = runs.area if area is None else area
        values = (index, class_index, pixels, score, row, len(self._starts), count, given)
        for column, value in zip(self._columns.values(), values, strict=True):
            column.append(value)
        self._starts.append(runs.starts)
        self._lengths.append(runs.lengths)
        if group:
            self._groups.setdefault(index, group)

    def _write_arrays(self) -> None:
        photos = len(self._photos)
        columns = {name: np.array(self._columns[name], dtype=kind) for name, kind in _COLUMNS.items()}
        # Runs stay in the order of the source: garments say where theirs begin, so only small arrays are sorted.
        order = np.argsort(columns["garment_photo"], kind="stable")
        columns = {name: column[order] for name, column in columns.items()}
        given = columns.pop("given").astype(np.bool_)
        for name, column in columns.items():
            save_array(self.folder, name, column)
        self._write_attributes(order, columns["garment_class"], given)
        offsets = np.searchsorted(columns["garment_photo"], np.arange(photos + 1)).astype(np.int64)
        save_array(self.folder, "photo_garments", offsets)
        save_array(self.folder, "photo_size", np.array(self._sizes, dtype=np.int32).reshape(photos, 2))
        names = [name.encode() for name in self._photos]
        save_strings(self.folder, "name", names)
        save_array(self.folder, "name_order", np.array(sorted(range(photos), key=names.__getitem__), dtype=np.int32))
        save_strings(self.folder, "group", [self._groups.get(index, "").encode() for index in range(photos)])
        self.meta |= {"photos": photos, "garments": len(order), "runs": len(self._starts)}

    def _write_attributes(
        self,
        order: npt.NDArray[np.intp],
        garment_class: npt.NDArray[np.int16],
        given: npt.NDArray[np.bool_],
    ) -> None:
        place = np.empty(len(order), dtype=np.int64)
        place[order] = np.arange(len(order))
        garment = place[np.array(self._pair_garment, dtype=np.int64)]
        has = np.zeros((len(order), len(self.attributes)), dtype=np.bool_)
        has[garment, np.array(self._pair_attribute, dtype=np.int64)] = True
        # A class that has no attribute anywhere in the table leaves nothing open.
        described = np.zeros(len(self.classes), dtype=np.bool_)
        described[garment_class[garment]] = True
        save_array(self.folder, "garment_attributes", has)
        save_array(self.folder, "garment_known", given | ~described[garment_class])

    def _write_meta(self) -> None:
        labels = {"classes": self.classes, "attributes": self.attributes}
        lists = {key: {"ids": v.ids, "names": v.names, "groups": v.groups} for key, v in labels.items()}
        text = json.dumps({"version": VERSION, **self.meta, **lists}, ensure_ascii=False, indent=1)
        (self.folder / "meta.json").write_text(text, encoding="utf-8")
