"""Which photos must stay on one side of a split: views of one article, near-duplicates."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from imatfashion.data.stratify import IntArray
from imatfashion.errors import FashionError


def group_keys(names: Sequence[str], columns: Sequence[str], group_by: str | None) -> list[str]:
    """The article that each photo shows, "" where nothing says so.

    Args:
        names: file name of each photo.
        columns: value of the grouping column of each photo, all "" when no column was read.
        group_by: `data.group_by`; a regex on the name unless it named a column. Its first group is the key, the whole
            match where the regex has no group.

    Raises:
        FashionError: the regex is invalid, or no name matches it.
    """
    if group_by is None or any(columns):
        return list(columns)
    try:
        pattern = re.compile(group_by)
    except re.error as error:
        raise FashionError(
            f"data.group_by={group_by!r} is neither a column of the annotations nor a valid regular expression: "
            f"{error}; give one of the two"
        ) from error
    group = min(1, pattern.groups)
    keys = [(match[group] or "") if (match := pattern.search(name)) else "" for name in names]
    if names and not any(keys):
        raise FashionError(
            f"data.group_by={group_by!r} is neither a column of the annotations nor a regular expression that matches "
            f"any photo name (the first is {names[0]!r}); correct it"
        )
    return keys


def unite(keys: Sequence[str], pairs: Iterable[tuple[int, int]]) -> IntArray:
    """Number the units of photos that share a key or are linked by pairs, also through others.

    Args:
        keys: key of each photo, "" for none.
        pairs: linked photos.

    Returns:
        Unit of each photo, 0 … U − 1 in the order of their first photos, int64 (N,).
    """
    parent = list(range(len(keys)))
    for a, b in (*_same_key(keys), *pairs):
        first, second = sorted((_root(parent, a), _root(parent, b)))
        parent[second] = first
    roots = [_root(parent, photo) for photo in range(len(keys))]
    return np.unique(np.array(roots, dtype=np.int64), return_inverse=True)[1].astype(np.int64)


def members(unit_of_photo: IntArray) -> list[list[int]]:
    """Photos of each unit that has more than one, rising."""
    order = np.argsort(unit_of_photo, kind="stable")
    bounds = np.cumsum(np.bincount(unit_of_photo))[:-1]
    return [unit.tolist() for unit in np.split(order, bounds) if len(unit) > 1]


def _same_key(keys: Sequence[str]) -> Iterator[tuple[int, int]]:
    first_of: dict[str, int] = {}
    for photo, key in enumerate(keys):
        if key:
            yield first_of.setdefault(key, photo), photo


def _root(parent: list[int], photo: int) -> int:
    while parent[photo] != photo:
        parent[photo] = parent[parent[photo]]
        photo = parent[photo]
    return photo
