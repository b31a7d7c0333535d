"""The annotation table, opened memory-mapped: what it holds costs a process no memory of its own."""

from __future__ import annotations

import json
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from imatfashion.data.labels import Labels
from imatfashion.data.overlaps import covered_classes
from imatfashion.data.table.checks import NAMES, check_table, map_array
from imatfashion.data.table.writer import VERSION
from imatfashion.errors import FashionError
from imatfashion.masks.runs import BoolArray, Runs

PREPARED = "prepared"
"""`kind` in the meta.json of a table whose grids are smaller than what was annotated."""
_SEVERAL = 0.05
"""Share of a class's photos with several rows from which the class counts as one with instances."""


class Annotations:
    """An annotation table. It pickles as its path.

    Photos are numbered 0 … P − 1, garments 0 … G − 1 and sorted by photo; classes and attributes are indices.

    Args:
        path: the table's folder.

    Attributes:
        meta: what the builder wrote beside the arrays.
        classes: the categories (C).
        attributes: the attributes (A).
        garment_photo: photo of each garment, int32 (G,).
        garment_class: class index, int16 (G,).
        garment_attributes: bool (G, A).
        garment_known: whether the attributes are known, bool (G,).
        garment_area: pixels of the mask as annotated, int64 (G,); of prepared data these are pixels of the photo as it
            was, not of the table's grid.
        garment_score: confidence, float32 (G,).
        garment_row: row of the source, int64 (G,).

    Raises:
        FashionError: there is no table at the path, or one that is damaged or of another format version.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path).absolute()
        self.meta = _read_meta(self.path)
        self.classes = _labels(self.path, self.meta, "classes")
        self.attributes = _labels(self.path, self.meta, "attributes")
        self._arrays = {name: self._load(name) for name in NAMES}
        check_table(self.path, self._arrays, self.classes, self.attributes)
        self.garment_photo: npt.NDArray[np.int32] = self._arrays["garment_photo"]
        self.garment_class: npt.NDArray[np.int16] = self._arrays["garment_class"]
        self.garment_attributes: npt.NDArray[np.bool_] = self._arrays["garment_attributes"]
        self.garment_known: npt.NDArray[np.bool_] = self._arrays["garment_known"]
        self.garment_area: npt.NDArray[np.int64] = self._arrays["garment_area"]
        self.garment_score: npt.NDArray[np.float32] = self._arrays["garment_score"]
        self.garment_row: npt.NDArray[np.int64] = self._arrays["garment_row"]
        self._photo_size = self._arrays["photo_size"]
        self._photo_garments = self._arrays["photo_garments"]
        self._names = _Strings(self._arrays["name_bytes"], self._arrays["name_offsets"])
        self._groups = _Strings(self._arrays["group_bytes"], self._arrays["group_offsets"])
        self._name_order = self._arrays["name_order"]
        self._begin, self._count = self._arrays["run_begin"], self._arrays["run_count"]
        self._starts, self._lengths = self._arrays["run_starts"], self._arrays["run_lengths"]

    def __reduce__(self) -> tuple[type[Annotations], tuple[Path]]:
        # A memory-mapped array would be copied whole into the pickle.
        return Annotations, (self.path,)

    def __repr__(self) -> str:
        return f"Annotations({str(self.path)!r}: {len(self)} photos, {len(self.garment_photo)} garments)"

    def __len__(self) -> int:
        return len(self._photo_size)

    @property
    def photo_dir(self) -> Path | None:
        """Folder of the photos, None where the table has none (predictions)."""
        folder = self.meta.get("photo_dir")
        # Relative to the table's folder where the table lies beside its data, so that both can move together.
        return None if folder is None else Path(self.path / folder).resolve()

    @property
    def refused(self) -> int:
        """Records that the builder did not take; refused.csv in the table's folder lists them."""
        return int(self.meta.get("refused", 0))

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the classes, by index."""
        return self.classes.names

    @property
    def attribute_names(self) -> tuple[str, ...]:
        """Names of the attributes, by index."""
        return self.attributes.names

    def name(self, photo: int) -> str:
        """File name of a photo, relative to the photo folder."""
        return self._names[photo].decode()

    def find(self, name: str) -> int | None:
        """Index of the photo of that name, None where the table does not have it."""
        wanted = name.encode()
        low, high = 0, len(self)
        while low < high:
            middle = (low + high) // 2
            if self._names[int(self._name_order[middle])] < wanted:
                low = middle + 1
            else:
                high = middle
        if low == len(self):
            return None
        photo = int(self._name_order[low])
        return photo if self._names[photo] == wanted else None

    def size(self, photo: int) -> tuple[int, int]:
        """Height and width of the grid that the photo's runs count over, pixels."""
        height, width = self._photo_size[photo]
        return int(height), int(width)

    def group(self, photo: int) -> str:
        """The photo's value of the grouping column, "" without one."""
        return self._groups[photo].decode()

    def garments(self, photo: int) -> range:
        """Indices of the photo's garments."""
        return range(int(self._photo_garments[photo]), int(self._photo_garments[photo + 1]))

    def runs(self, garment: int) -> Runs:
        """Mask of a garment on its photo's grid."""
        begin = int(self._begin[garment])
        end = begin + int(self._count[garment])
        return Runs(self._starts[begin:end], self._lengths[begin:end])

    def grid_areas(self) -> npt.NDArray[np.int64]:
        """Pixels of each mask on its photo's grid in the table, int64 (G,)."""
        if self.meta.get("kind") != PREPARED:
            return self.garment_area
        sums = (self.runs(garment).area for garment in range(len(self.garment_photo)))
        return np.fromiter(sums, dtype=np.int64, count=len(self.garment_photo))

    def grid_shares(self) -> npt.NDArray[np.float64]:
        """Share of its photo's pixels that each mask has, float64 (G,)."""
        pixels = self._photo_size.astype(np.float64).prod(axis=1)
        shares: npt.NDArray[np.float64] = self.grid_areas() / pixels[self.garment_photo]
        return shares

    def allowed_pairs(self, photos: npt.NDArray[np.int64] | None = None) -> BoolArray:
        """The (class, attribute) pairs that some garment has, bool (C, A); of some photos or of all."""
        garments = self._garments_of(photos)
        allowed = np.zeros((len(self.classes), len(self.attributes)), dtype=np.bool_)
        garment, attribute = np.nonzero(self.garment_attributes[garments])
        allowed[self.garment_class[garments][garment], attribute] = True
        return allowed

    def multiple_classes(self, photos: npt.NDArray[np.int64] | None = None) -> tuple[int, ...]:
        """Classes with several garments in a photo, in at least 5 % of the (given) photos that have the class."""
        garments = self._garments_of(photos)
        key = self.garment_photo[garments].astype(np.int64) * len(self.classes) + self.garment_class[garments]
        pairs, counts = np.unique(key, return_counts=True)
        photo_class = pairs % len(self.classes)
        photos = np.bincount(photo_class, minlength=len(self.classes))
        several = np.bincount(photo_class[counts > 1], minlength=len(self.classes))
        return tuple(int(i) for i in np.flatnonzero((photos > 0) & (several > 0) & (several >= _SEVERAL * photos)))

    def layer_of_class(self, layers: int) -> tuple[int, ...]:
        """Label map of each class, (C,): with 2 layers, classes whose garments lie on bigger ones are on map 1."""
        if layers == 1:
            return (0,) * len(self.classes)
        return self._covered

    def _garments_of(self, photos: npt.NDArray[np.int64] | None) -> slice | BoolArray:
        return slice(None) if photos is None else np.isin(self.garment_photo, photos)

    @cached_property
    def _covered(self) -> tuple[int, ...]:
        return tuple(int(covered) for covered in covered_classes(self))

    def _load(self, name: str) -> npt.NDArray[Any]:
        try:
            return map_array(self.path / f"{name}.npy")
        except ValueError as error:
            raise FashionError(f"the table {self.path} is damaged ({name}.npy): delete it and build it anew") from error


class _Strings:
    """Strings in one byte array (N,) with offsets (n + 1,)."""

    def __init__(self, characters: npt.NDArray[np.uint8], offsets: npt.NDArray[np.int64]) -> None:
        self._bytes = characters
        self._offsets = offsets

    def __getitem__(self, index: int) -> bytes:
        return self._bytes[self._offsets[index] : self._offsets[index + 1]].tobytes()


def _read_meta(path: Path) -> dict[str, Any]:
    try:
        meta = json.loads((path / "meta.json").read_text(encoding="utf-8"))
    except OSError as error:
        raise FashionError(f"there is no annotation table at {path}: give the folder that was written") from error
    except (ValueError, RecursionError) as error:
        raise FashionError(f"the table {path} is damaged (meta.json): delete it and build it anew") from error
    if not isinstance(meta, dict) or meta.get("version") != VERSION:
        raise FashionError(f"the table {path} is of another format version: delete it and build it anew")
    if not _is_sound(meta):
        raise FashionError(f"the table {path} is damaged (meta.json): delete it and build it anew")
    return meta


def _is_sound(meta: dict[str, Any]) -> bool:
    """Whether what is read from the meta.json later on is what the builder writes."""
    folder, refused, faults = meta.get("photo_dir"), meta.get("refused", 0), meta.get("photo_faults", {})
    plain = folder is None or (isinstance(folder, str) and "\0" not in folder)
    return plain and isinstance(refused, int) and isinstance(faults, dict)


def _is_plain(name: object) -> bool:
    return isinstance(name, str) and name.isprintable()


def _labels(path: Path, meta: dict[str, Any], key: str) -> Labels:
    try:
        labels = Labels(*(tuple(meta[key][name]) for name in ("ids", "names", "groups")))
        if not len(labels.ids) == len(labels.names) == len(labels.groups):
            raise ValueError(f"{key} of several lengths")
        if not all(isinstance(i, int) for i in labels.ids) or not all(map(_is_plain, labels.names + labels.groups)):
            raise ValueError(f"{key} that are none")
        return labels
    except (KeyError, TypeError, ValueError) as error:
        raise FashionError(f"the table {path} is damaged (meta.json): delete it and build it anew") from error
