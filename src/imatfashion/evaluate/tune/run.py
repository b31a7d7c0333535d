"""What is read of a training run to tune on: its checkpoint, its data and its validation photos."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import yaml  # type: ignore[import-untyped]

from imatfashion.config.schema import DataConfig
from imatfashion.data.annotations import Annotations
from imatfashion.data.build import open_table
from imatfashion.data.groups import group_keys, unite
from imatfashion.data.sources import DataFiles
from imatfashion.data.split_file import SplitNames, read_split_file
from imatfashion.errors import FashionError
from imatfashion.evaluate.on_grid import GRID


@dataclass(frozen=True)
class TuningRun:
    """A run of `stage=classes` with the photos to tune on.

    Attributes:
        checkpoint: its best checkpoint.
        table: the true annotations.
        photos: indices of the validation photos in the table, rising.
        groups: number of the group of each photo; photos that the split kept together share one.
    """

    checkpoint: Path
    table: Annotations
    photos: tuple[int, ...]
    groups: tuple[int, ...]


def read_tuning_run(run_dir: Path, *, data: Path | None = None, photos: int | None = None, seed: int = 0) -> TuningRun:
    """Read a run.

    Args:
        run_dir: the run directory.
        data: folder of the data set, where it is not the one that the run's config names.
        photos: at most so many validation photos, drawn by `seed`; None for all.
        seed: of the drawing.

    Raises:
        FashionError: the directory holds no finished run of `stage=classes`, or its data is not there.
    """
    config = _config(run_dir)
    stage = config.get("stage", {}).get("name")
    if stage != "classes":
        raise FashionError(
            f"{run_dir} is a run of stage={stage}; give one of stage=classes, and this one as --attributes"
        )
    checkpoint = best_checkpoint(run_dir)
    table = _table(run_dir, config.get("data", {}), data)
    split = _split(run_dir)
    found = _photos(run_dir, table, split)
    if photos is not None:
        if photos < 1:
            raise FashionError(f"--photos {photos} must be at least 1")
        found = sorted(np.random.default_rng(seed).permutation(found)[:photos].tolist())
    group_by = config["data"].get("group_by")
    return TuningRun(checkpoint, table, tuple(found), _groups(table, found, split, group_by))


def best_checkpoint(path: Path) -> Path:
    """The checkpoint that a path means: a file itself, or the best one of a run directory.

    Raises:
        FashionError: there is none.
    """
    if path.is_file():
        return path
    best = path / "checkpoints" / "best.ckpt"
    if not best.is_file():
        raise FashionError(f"there is no checkpoint {best}: give a run directory whose training has saved one")
    return best


def unseeing_checkpoint(run_dir: Path, run: TuningRun) -> Path:
    """The best checkpoint of another run of `stage=classes`, which was not trained on the photos that are tuned on.

    Raises:
        FashionError: the directory holds no such run, or one that was trained on some of them.
    """
    stage = _config(run_dir).get("stage", {}).get("name")
    if stage != "classes":
        raise FashionError(f"--also {run_dir} is a run of stage={stage}; give one of stage=classes")
    _check_unseen(f"--also {run_dir}", _split(run_dir), run)
    return best_checkpoint(run_dir)


def describing_checkpoint(path: Path, run: TuningRun) -> Path:
    """The checkpoint of an attribute classifier: a file, or the best of a run that did not see the photos to tune on.

    Raises:
        FashionError: there is no checkpoint, or the run was trained on some of the photos.
    """
    if (path / "split.json").is_file():
        _check_unseen(f"--attributes {path}", _split(path), run)
    return best_checkpoint(path)


def _check_unseen(who: str, split: SplitNames, run: TuningRun) -> None:
    names = {run.table.name(photo) for photo in run.photos}
    seen = names & set(split.train) if split.train is not None else names - set(split.val)
    if seen:
        raise FashionError(
            f"{who} was trained on {len(seen)} of the {len(names)} photos to tune on, such as {min(seen)}: train it "
            "with data.split_file of the first run"
        )


def _config(run_dir: Path) -> dict[str, Any]:
    path = run_dir / "config.yaml"
    if not path.is_file():
        raise FashionError(
            f"{run_dir} holds no run (no config.yaml); give the run directory that train.py printed as `run:`"
        )
    try:
        config = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise FashionError(f"{path} cannot be read as YAML; copy the run directory again") from error
    if not isinstance(config, dict) or not all(isinstance(config.get(key), dict) for key in ("stage", "data")):
        raise FashionError(f"{path} is not the config of a run; copy the run directory again")
    return config


def _table(run_dir: Path, given: dict[str, Any], root: Path | None) -> Annotations:
    known = {field.name for field in dataclasses.fields(DataConfig)}
    data = DataConfig(**{key: value for key, value in given.items() if key in known})
    folder = root or Path(str(data.root))
    if not folder.exists():
        raise FashionError(
            f"the data {folder} of the run {run_dir} is not there: start the command where train.py was started, "
            "or give --data DIR"
        )
    return open_table(folder, DataFiles.of(data))


def _split(run_dir: Path) -> SplitNames:
    path = run_dir / "split.json"
    if not path.is_file():
        raise FashionError(
            f"{run_dir} has no split.json, which says which photos were kept for validation: tuning on the photos "
            "that a model was trained on would be worthless"
        )
    return read_split_file(path)


def _photos(run_dir: Path, table: Annotations, split: SplitNames) -> list[int]:
    found = [table.find(name) for name in split.val]
    photos = [photo for photo in found if photo is not None]
    if len(photos) < len(found):
        raise FashionError(
            f"{len(found) - len(photos)} of {len(found)} validation photos of {run_dir} are not in {table.path}: "
            "give the data that the run was trained on as --data"
        )
    return sorted(photos)


def _groups(table: Annotations, photos: list[int], split: SplitNames, group_by: str | None) -> tuple[int, ...]:
    names = [table.name(photo) for photo in range(len(table))]
    photo_of = {name: photo for photo, name in enumerate(names)}
    alike = ([photo_of[name] for name in found if name in photo_of] for found in split.near_duplicates)
    keys = group_keys(names, [table.group(photo) for photo in range(len(table))], group_by)
    units = unite(keys, (pair for same in alike for pair in pairwise(same)))
    return tuple(units[photos].tolist())


def typical_areas(table: Annotations, without: Sequence[int]) -> list[float]:
    """Median area of each class, pixels of the competition's grid, over all photos but the ones that are tuned on.

    A class that the others do not have takes the smallest median, so that it is not limited by size without reason.
    """
    areas = table.grid_shares() * GRID**2
    others = ~np.isin(table.garment_photo, without)
    of_class = [areas[others & (table.garment_class == index)] for index in range(len(table.classes))]
    medians = [float(np.median(found)) if len(found) else None for found in of_class]
    least = min((median for median in medians if median is not None), default=0.0)
    return [least if median is None else median for median in medians]
