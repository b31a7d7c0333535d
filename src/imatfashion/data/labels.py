"""The label file: categories and attributes, whose ids may have gaps."""

from __future__ import annotations

from dataclasses import dataclass, field


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
