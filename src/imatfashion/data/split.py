"""Which photos are trained on and which are kept for validation."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from imatfashion.config.schema import DataConfig
from imatfashion.data.annotations import Annotations
from imatfashion.data.groups import group_keys, members, unite
from imatfashion.data.near_duplicates import near_duplicates
from imatfashion.data.photo_source import has_photos, open_photos
from imatfashion.data.split_file import read_split_file
from imatfashion.data.stratify import IntArray, UnitLabels, count_labels, stratify
from imatfashion.errors import FashionError

_LOG = logging.getLogger(__name__)

Progress = Callable[[str], None] | None


@dataclass(frozen=True)
class Split:
    """The two sides of a split.

    Attributes:
        train: photos trained on, rising indices into the table, int64 (N,).
        val: photos kept for validation, likewise, int64 (M,).
        fold: which fold `val` is, 0 where there are no folds.
        folds: number of folds, 0 for a single split.
        seed: seed of the dealing.
        near_duplicates: names of each set of photos that show the same picture.
        groups: number of units that were kept together; a photo on its own is one.
    """

    train: IntArray
    val: IntArray
    fold: int = 0
    folds: int = 0
    seed: int = 0
    near_duplicates: tuple[tuple[str, ...], ...] = ()
    groups: int = 0


def make_split(annotations: Annotations, config: DataConfig, seed: int, *, progress: Progress = None) -> Split:
    """Split the photos of the true table, by the same means whatever is trained on.

    Without `split_file`, units of photos that belong together (a value of the grouping column, `group_by` as a regex on
    the name, near-duplicates) are dealt out by iterative stratification over the classes and the (class, attribute)
    pairs of each photo. The order of the table's rows does not matter.

    Args:
        annotations: the true table.
        config: `val_fraction`, `folds`, `fold`, `split_file`, `group_by`, `near_duplicates` and `limit` count here.
        seed: seed of the dealing and of `limit`.
        progress: told what takes time.

    Raises:
        FashionError: a side would be empty, the split file does not fit the table, or `group_by` is wrong.
    """
    names = [annotations.name(photo) for photo in range(len(annotations))]
    if config.split_file is not None:
        split = _from_file(annotations, names, config, seed, progress)
    else:
        split = _stratified(annotations, names, config, seed, progress)
    if config.limit is None:
        return split
    rng = np.random.default_rng([seed, config.limit])
    train, val = (np.sort(rng.permutation(side)[: config.limit]) for side in (split.train, split.val))
    return replace(split, train=train, val=val)


def save_split(split: Split, annotations: Annotations, path: Path) -> None:
    """Write a split as names; `data.split_file` reads it back."""
    content = {
        "fold": split.fold,
        "folds": split.folds,
        "seed": split.seed,
        "groups": split.groups,
        "near_duplicates": [list(names) for names in split.near_duplicates],
        "val": [annotations.name(photo) for photo in split.val.tolist()],
        "train": [annotations.name(photo) for photo in split.train.tolist()],
    }
    aside = path.with_name(path.name + ".part")
    aside.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    aside.replace(path)


def _stratified(
    annotations: Annotations, names: Sequence[str], config: DataConfig, seed: int, progress: Progress
) -> Split:
    units, duplicates = _units(annotations, names, config, progress)
    shares = [1 / config.folds] * config.folds if config.folds else [1 - config.val_fraction, config.val_fraction]
    groups = len(np.unique(units))
    if groups < len(shares):
        raise FashionError(
            f"the {len(names)} photos of {annotations.path} form {groups} group(s), too few for {len(shares)} parts: "
            "add photos, lower data.folds, or loosen data.group_by and data.near_duplicates"
        )
    part = stratify(_photo_labels(annotations, units), shares, seed)[units]
    kept = part == (config.fold if config.folds else 1)
    return Split(np.flatnonzero(~kept), np.flatnonzero(kept), config.fold, config.folds, seed, duplicates, groups)


def _units(
    annotations: Annotations, names: Sequence[str], config: DataConfig, progress: Progress
) -> tuple[IntArray, tuple[tuple[str, ...], ...]]:
    """Unit of each photo, int64 (N,), numbered in the order of their first names; the sets of near-duplicates."""
    keys = group_keys(names, [annotations.group(photo) for photo in range(len(names))], config.group_by)
    pairs: list[tuple[int, int]] = []
    if config.near_duplicates and has_photos(annotations):
        pairs = near_duplicates(open_photos(annotations).thumbnails(progress=progress))
    alike = members(unite([""] * len(names), pairs))
    # Numbered by name, so that the order of the annotation file's rows has no say in the split.
    by_name = _by_name(names)
    place = np.argsort(by_name)
    units = unite([keys[photo] for photo in by_name], [(int(place[a]), int(place[b])) for a, b in pairs])
    return units[place], tuple(sorted(tuple(sorted(names[photo] for photo in photos)) for photos in alike))


def _by_name(names: Sequence[str]) -> IntArray:
    return np.array(sorted(range(len(names)), key=names.__getitem__), dtype=np.int64)


def _photo_labels(annotations: Annotations, units: IntArray) -> UnitLabels:
    """What is dealt evenly: the classes of each photo and its known (class, attribute) pairs."""
    photo = annotations.garment_photo.astype(np.int64)
    category = annotations.garment_class.astype(np.int64)
    garment, attribute = np.nonzero(annotations.garment_attributes)
    known = np.asarray(annotations.garment_known)[garment]
    garment, attribute = garment[known], attribute[known]
    pair = len(annotations.classes) + category[garment] * len(annotations.attributes) + attribute
    return count_labels(units, np.concatenate([photo, photo[garment]]), np.concatenate([category, pair]))


def _from_file(
    annotations: Annotations, names: Sequence[str], config: DataConfig, seed: int, progress: Progress
) -> Split:
    path = Path(str(config.split_file))
    listed = read_split_file(path)
    index = {name: photo for photo, name in enumerate(names)}
    unknown = [name for name in (*listed.val, *(listed.train or ())) if name not in index]
    if unknown:
        raise FashionError(
            f"data.split_file={path} names {len(unknown)} photo(s) that {annotations.path} does not have, the first is "
            f"{unknown[0]}: use the split of this data set, or look for them in refused.csv"
        )
    val = np.array(sorted(index[name] for name in listed.val), dtype=np.int64)
    if listed.train is None:
        train = np.setdiff1d(np.arange(len(names)), val)
    else:
        train = np.array(sorted(index[name] for name in listed.train), dtype=np.int64)
    if not len(val) or not len(train):
        side = "training" if len(val) else "validation"
        raise FashionError(f"data.split_file={path} leaves no photo for {side}: name some, but not all, of the photos")
    if listed.train is not None and listed.groups:
        # A run's own split: its units are known.
        return Split(train, val, listed.fold, listed.folds, seed, listed.near_duplicates, listed.groups)
    units, duplicates = _units(annotations, names, config, progress)
    # The file is the user's word: it is followed, but a leak is told.
    leaks = np.isin(units[train], units[val]).sum()
    if leaks:
        _LOG.warning("%d training photos are near-duplicates or of the group of validation photos of %s", leaks, path)
    return Split(train, val, listed.fold, listed.folds, seed, duplicates, len(np.unique(units)))
