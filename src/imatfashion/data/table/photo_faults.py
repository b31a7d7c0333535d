"""By what a table notices that a photo which it refused is another file by now."""

from __future__ import annotations

from pathlib import Path

from imatfashion.data.table.files import file_state

_MOST_MISSING = 1000
"""Missing photos that are listed by name, about 40 kB of the table's meta.json; of more, their folders are."""
_NONE = [0, 0]


class PhotoFaults:
    """States of files that are other ones once a refused photo is repaired or has arrived.

    Args:
        photo_dir: the photo folder; None where no photo is looked at.

    Attributes:
        states: size in bytes and time of change of each refused photo, both 0 where it is missing; past
            `_MOST_MISSING` missing ones, those of the folders that they would come into. Names are below `photo_dir`.
    """

    def __init__(self, photo_dir: Path | None) -> None:
        self.states: dict[str, list[int]] = {}
        self._photo_dir = photo_dir
        self._missing = 0

    def add(self, name: str, state: list[int]) -> None:
        """Remember a refused photo by the state that its file had before it was looked at."""
        self._missing += state == _NONE
        if state != _NONE or self._missing <= _MOST_MISSING:
            self.states[name] = state
        else:
            self._add_folder(name)

    def _add_folder(self, name: str) -> None:
        # A copy under way may lack a whole folder of 45,000: what arrives changes the time of the folder that it
        # comes into. Names are kept first, since some mounted stores have no times of folders.
        assert self._photo_dir is not None
        parents = (self._photo_dir / name).parents
        folder = next(path for path in parents if path == self._photo_dir or path.is_dir())
        # Names right in the photo folder are part of the table's key; its time changes with each table beside them.
        if folder != self._photo_dir:
            self.states.setdefault(folder.relative_to(self._photo_dir).as_posix(), file_state(folder))
