"""Which photos an export is checked on: those that are given, those of the run, or drawn ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from imatfashion.data.photos import PhotoError, read_photo
from imatfashion.data.sample.photo import draw_photo
from imatfashion.errors import FashionError
from imatfashion.predict.images import ENDINGS

_ENOUGH = (1024, 1024)
"""Size that photos are decoded at, at least; the networks see them smaller."""


@dataclass(frozen=True)
class CheckPhotos:
    """Photos to check on.

    Attributes:
        origin: where they come from, for a sentence.
        paths: their files; none for drawn ones.
        count: how many at most.
    """

    origin: str
    paths: Sequence[Path]
    count: int

    def __iter__(self) -> Iterator[npt.NDArray[np.uint8]]:
        """RGB, uint8 (H, W, 3), one after another.

        Raises:
            FashionError: no photo can be read.
        """
        if not self.paths:
            yield from (draw_photo(np.random.default_rng([7, number])).image for number in range(self.count))
            return
        problem: PhotoError | None = None
        read = 0
        for path in _spread(self.paths, self.count):
            try:
                yield read_photo(path, at_least=_ENOUGH)
                read += 1
            except PhotoError as error:
                problem = error
        if not read:
            raise FashionError(f"no photo to check the export on could be read ({problem}); give others with --photos")


def choose_photos(given: Path | None, run_root: Path | None, count: int) -> CheckPhotos:
    """Choose photos, evenly spread over a folder.

    Args:
        given: the folder that the user named.
        run_root: the folder of the data that the run was trained on, looked at when none was named.
        count: how many at most.

    Raises:
        FashionError: the folder that the user named is not there or holds no photo, or `count` is below 1.
    """
    if count < 1:
        raise FashionError(f"--checks {count} is no number of photos to check on; give 1 or more")
    if given is not None:
        if not given.is_dir():
            raise FashionError(f"there is no folder {given}; --photos wants a folder of photos to check the export on")
        if not (paths := _photos_below(given)):
            raise FashionError(f"the folder {given} holds no photo ({', '.join(ENDINGS)}); check --photos")
        return CheckPhotos(f"photos of {given}", paths, count)
    if run_root is not None and run_root.is_dir() and (paths := _photos_below(run_root)):
        return CheckPhotos(f"photos of {run_root}", paths, count)
    return CheckPhotos("drawn photos (give real ones with --photos)", (), count)


def _photos_below(folder: Path) -> list[Path]:
    found = (path for path in folder.rglob("*") if path.suffix.lower() in ENDINGS and not path.name.startswith("."))
    return sorted(path for path in found if path.is_file())


def _spread(paths: Sequence[Path], count: int) -> Sequence[Path]:
    return [paths[index * len(paths) // count] for index in range(count)] if len(paths) > count else paths
