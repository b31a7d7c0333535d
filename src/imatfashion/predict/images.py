"""Which photos to predict: a folder, a glob, a list of paths or one photo, as an ordered list of named paths."""

from __future__ import annotations

import glob
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from imatfashion.errors import FashionError

ENDINGS = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif", ".jfif", ".jp2", ".ppm", ".heic")
"""Endings of photos, in any case; HEIC is not read, but such a photo shall not be left out unseen."""

_LIST_ENDINGS = (".txt", ".lst", ".list")
_WILDCARDS = "*?["


@dataclass(frozen=True)
class Photo:
    """A photo to predict: its `name` (unique, relative, with `/`) as the output has it, and its `path`."""

    name: str
    path: Path


def find_photos(images: str) -> list[Photo]:
    """The photos that `images` means, in a fixed order: a list file's own, else rising by name.

    A photo's name is its path below the folder, below a glob's fixed part (`DIR` in `DIR/*/a*.jpg`), or below the
    folder that all the paths of a list have in common.

    Args:
        images: a folder (searched through, links to folders, too; hidden files and folders are left out), a glob
            (`**` goes through folders), a text file with one path a line (relative to the list's folder, or to the
            working directory), or one photo.

    Raises:
        FashionError: nothing is there, no photo is in it, a folder cannot be listed, or a list names a photo twice or
            a folder.
    """
    try:
        photos = _find(images)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise FashionError(f"images={images[:200]} cannot be looked through ({reason}); check images=") from error
    for photo in photos:
        if not photo.name.isprintable() or photo.name != photo.name.encode(errors="replace").decode():
            raise FashionError(f"the file name {photo.name!r} cannot be written to a text file; rename it")
    return photos


def _find(images: str) -> list[Photo]:
    path = Path(images).expanduser()
    if path.is_dir():
        return _below(path, _walk(path), f"the folder {path} holds no photo ({_known()}); check images=")
    if path.is_file():
        return _from_file(path)
    if any(mark in images for mark in _WILDCARDS):
        return _from_glob(str(path))
    raise FashionError(f"there is no folder, list or photo {path}; check images=")


def _known() -> str:
    return ", ".join(ENDINGS)


def _is_photo(name: str) -> bool:
    return not name.startswith(".") and name.lower().endswith(ENDINGS)


def _walk(root: Path) -> Iterator[Path]:
    """The photos below a folder and behind its links to folders, no folder twice: links may lead in a circle.

    What is behind links comes last, so that a folder that is reached without one keeps its own name; the links are
    taken in a fixed order, so that all machines give the same names.
    """
    seen: set[tuple[int, int]] = set()
    starts = [root]
    while starts:
        links: list[Path] = []
        for start in sorted(starts):
            yield from _walk_tree(start, seen, links)
        starts = links


def _walk_tree(start: Path, seen: set[tuple[int, int]], links: list[Path]) -> Iterator[Path]:
    """The photos of a folder without those behind links, which are added to `links`."""
    for folder, folders, files in os.walk(start, onerror=_cannot_list):
        status = Path(folder).stat()
        place = (status.st_dev, status.st_ino)
        if place in seen:
            folders.clear()
            continue
        seen.add(place)
        shown = [name for name in folders if not name.startswith(".")]
        linked = {name for name in shown if Path(folder, name).is_symlink()}
        links += (Path(folder, name) for name in linked)
        folders[:] = [name for name in shown if name not in linked]
        yield from (Path(folder, name) for name in files if _is_photo(name))


def _cannot_list(error: OSError) -> None:
    if Path(str(error.filename)).name == "lost+found":
        return  # a disk's own, which only its administrator looks into
    reason = (error.strerror or str(error)).lower()
    raise FashionError(
        f"the folder {error.filename} cannot be looked through ({reason}); make it readable, or give images= a list of "
        "photos without it"
    ) from error


def _below(base: Path, paths: Iterable[Path], nothing: str) -> list[Photo]:
    photos = sorted((Photo(path.relative_to(base).as_posix(), path) for path in paths), key=lambda photo: photo.name)
    if not photos:
        raise FashionError(nothing)
    return photos


def _from_file(path: Path) -> list[Photo]:
    if _is_photo(path.name):
        return [Photo(path.name, path)]
    if path.suffix.lower() in _LIST_ENDINGS:
        return _from_list(path)
    raise FashionError(f"{path} is neither a photo ({_known()}) nor a list of paths (.txt); check images=")


def _from_glob(pattern: str) -> list[Photo]:
    fixed = []
    for part in Path(pattern).parts[:-1]:
        if any(mark in part for mark in _WILDCARDS):
            break
        fixed.append(part)
    found = (Path(hit) for hit in set(glob.glob(pattern, recursive=True)))  # noqa: PTH207 (pathlib's takes no absolute)
    photos = (path for path in found if path.is_file() and _is_photo(path.name))
    return _below(Path(*fixed), photos, f"no photo ({_known()}) fits the pattern {pattern}; check images=")


def _from_list(path: Path) -> list[Photo]:
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise FashionError(f"the list {path} is not text in UTF-8; images= wants one path a line") from error
    places: dict[Path, int] = {}
    for number, line in enumerate(lines, start=1):
        if line.strip():
            place = _absolute(path.parent, line.strip())
            if place in places:
                raise FashionError(f"the list {path} names {place} twice, in lines {places[place]} and {number}")
            if _is(Path.is_dir, place):
                raise FashionError(
                    f"the list {path} names the folder {place} in line {number}; it wants one photo a line"
                )
            places[place] = number
    if not any(_is(Path.is_file, place) for place in places):
        raise FashionError(f"none of the {len(places)} paths in the list {path} is a file; images= wants one a line")
    base = Path(os.path.commonpath([place.parent for place in places]))
    return [Photo(place.relative_to(base).as_posix(), place) for place in places]


def _absolute(folder: Path, line: str) -> Path:
    """The path of a list's line: from the list's folder, or from the working directory where it is only there."""
    here = Path(line).expanduser()
    beside = folder / here
    # Without resolving links: the names are those that the list gives.
    elsewhere = _is(Path.exists, here) and not _is(Path.exists, beside)
    return Path(os.path.abspath(here if elsewhere else beside))  # noqa: PTH100


def _is(question: Callable[[Path], bool], path: Path) -> bool:
    """What pathlib says of a path; no to one that is too long to be anything, at which it raises."""
    try:
        return question(path)
    except OSError:
        return False
