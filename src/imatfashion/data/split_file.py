"""The files that say which photos are kept for validation: a list of names, or a run's split.json."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imatfashion.errors import FashionError


@dataclass(frozen=True)
class SplitNames:
    """What a split file says.

    Attributes:
        val: names of the validation photos.
        train: names of the training photos; None where they are all the others.
        fold: which fold is kept for validation, 0 where there are no folds.
        folds: number of folds, 0 for a single split.
        near_duplicates: names of each set of near-duplicates.
        groups: number of units that were kept together, 0 where it is not known.
    """

    val: tuple[str, ...]
    train: tuple[str, ...] | None = None
    fold: int = 0
    folds: int = 0
    near_duplicates: tuple[tuple[str, ...], ...] = ()
    groups: int = 0


def read_split_file(path: Path) -> SplitNames:
    """Read a split file: JSON if its name ends so, else one validation photo a line.

    Raises:
        FashionError: it cannot be read, is no such file, or names a photo on both sides.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise FashionError(f"data.split_file={path} cannot be read ({reason}): give a list of names") from error
    if path.suffix.lower() != ".json":
        lines = (line.strip() for line in text.splitlines())
        return SplitNames(tuple(dict.fromkeys(line for line in lines if line)))
    names = _parse(path, text)
    both = set(names.val).intersection(names.train or ())
    if both:
        raise FashionError(f"data.split_file={path} has {len(both)} photos on both sides, such as {min(both)}")
    return names


def _parse(path: Path, text: str) -> SplitNames:
    try:
        content = json.loads(text)
        return SplitNames(
            _names(content["val"]),
            _names(content["train"]) if "train" in content else None,
            int(content.get("fold", 0)),
            int(content.get("folds", 0)),
            tuple(_names(names) for names in content.get("near_duplicates", ())),
            int(content.get("groups", 0)),
        )
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise FashionError(
            f'data.split_file={path} is not a split: a JSON file must hold {{"val": [names], "train": [names]}}, '
            "as the split.json of a run does"
        ) from error


def _names(values: Any) -> tuple[str, ...]:
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise TypeError("a list of names is meant")
    return tuple(dict.fromkeys(values))
