"""The label file: categories and attributes, whose ids may have gaps."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from imatfashion.data.plain_text import brief, visible
from imatfashion.errors import FashionError

MOST_CLASSES = 254
"""Label maps are uint8: one value is the background's (the number of classes), 255 is `ignore`."""
_LONGEST = 1000
"""Letters of a name: it is printed, drawn and written into every checkpoint."""


@dataclass(frozen=True)
class Labels:
    """An ordered set of labels; everywhere but in files a label is its index here.

    Attributes:
        ids: the files' ids, rising, perhaps with gaps.
        names: a name each.
        groups: the supercategory each, "" where the file has none.
    """

    ids: tuple[int, ...]
    names: tuple[str, ...]
    groups: tuple[str, ...]
    _index: dict[int, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_index", {label_id: index for index, label_id in enumerate(self.ids)})

    def __len__(self) -> int:
        return len(self.ids)

    def index(self, label_id: int) -> int | None:
        """Index of a file's id, None where the label file does not have it."""
        return self._index.get(label_id)


def read_labels(path: Path) -> tuple[Labels, Labels]:
    """Read the categories and attributes of a label file (or of a COCO file that carries its own).

    Args:
        path: JSON with `categories` and perhaps `attributes`, items `{id, name, supercategory}`.

    Returns:
        The categories and the attributes, each sorted by id; no attributes where the file has none.

    Raises:
        FashionError: the file is missing, is no such JSON, or an item is faulty.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise FashionError(f"the label file {path} cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise FashionError(f"the label file {path} is not UTF-8 text: save it as UTF-8") from error
    except RecursionError as error:
        raise FashionError(f"the label file {path} is not valid JSON (nested too deep)") from error
    except ValueError as error:
        raise FashionError(f"the label file {path} is not valid JSON ({error})") from error
    return labels_from(content, path)


def labels_from(content: object, path: Path) -> tuple[Labels, Labels]:
    """The categories and attributes of a label file's parsed JSON; `path` is for messages.

    Raises:
        FashionError: no category, an item that is faulty or has a name of a book's length, ids that occur twice, more
            classes than a label map holds.
    """
    if not isinstance(content, Mapping) or "categories" not in content:
        raise FashionError(f"the label file {path} has no list 'categories': give the data set's label file")
    classes = _labels(content["categories"], "categories", path)
    if not len(classes):
        raise FashionError(f"the list 'categories' of {path} is empty: there is no class to learn")
    if len(classes) > MOST_CLASSES:
        raise FashionError(f"{path} has {len(classes)} categories, and a label map holds at most {MOST_CLASSES}")
    return classes, _labels(content.get("attributes") or [], "attributes", path)


def _labels(items: object, key: str, path: Path) -> Labels:
    if not isinstance(items, list):
        raise FashionError(f"'{key}' of the label file {path} is not a list")
    found: dict[int, tuple[str, str]] = {}
    for position, item in enumerate(items):
        label_id, name, group = _label(item, f"item {position} of '{key}' in {path}")
        if label_id in found:
            raise FashionError(f"the id {label_id} occurs twice in '{key}' of {path}: ids must differ")
        found[label_id] = (name, group)
    ids = tuple(sorted(found))
    return Labels(ids, tuple(found[i][0] for i in ids), tuple(found[i][1] for i in ids))


def _label(item: Any, place: str) -> tuple[int, str, str]:
    if not isinstance(item, Mapping):
        raise FashionError(f"{place} is not an object with 'id' and 'name'")
    for name in ("id", "name"):
        if name not in item:
            raise FashionError(f"{place} has no '{name}'")
    # bool is an int to Python, not to a label file.
    if not isinstance(item["id"], int) or isinstance(item["id"], bool) or not 0 <= item["id"] < 2**31:
        raise FashionError(f"{place} has the id {brief(repr(item['id']))}: ids are whole numbers from 0")
    if not isinstance(item["name"], str):
        raise FashionError(f"{place} has the name {brief(repr(item['name']))}: names are text")
    texts = {"name": item["name"], "supercategory": str(item.get("supercategory") or "")}
    for key, text in texts.items():
        if len(text) > _LONGEST:
            raise FashionError(f"{place} has a {key} of {len(text)} letters: at most {_LONGEST} are a name")
    return item["id"], _plain(texts["name"]), _plain(texts["supercategory"])


def _plain(name: str) -> str:
    """The name in one line that every file can hold: JSON allows line ends and lone surrogates."""
    return visible(" ".join(name.split()))
