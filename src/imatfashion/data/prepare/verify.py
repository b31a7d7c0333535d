"""Whether prepared data is still what was written, after it was copied to another machine or has lain for long."""

from __future__ import annotations

import hashlib
from pathlib import Path

from imatfashion.data.prepared import is_prepared
from imatfashion.errors import FashionError

SUMS = "SHA256SUMS"
"""A line a file, as `sha256sum` writes and checks them, so that a machine without this program can check too."""


def write_sums(folder: Path) -> None:
    """Write the checksums of a folder's files beside them.

    Raises:
        OSError: the disk is full, or fails.
    """
    names = sorted(path.name for path in folder.iterdir() if path.name != SUMS)
    (folder / SUMS).write_text("".join(f"{_digest(folder / name)}  {name}\n" for name in names), encoding="utf-8")


def verify(folder: Path) -> int:
    """Compare prepared data with its checksums; every byte is read once.

    Args:
        folder: the prepared data.

    Returns:
        Number of files that were checked.

    Raises:
        FashionError: it is not prepared data, was written without checksums, or files are missing or differ.
    """
    if not is_prepared(folder) and not (folder / SUMS).is_file():
        raise FashionError(f"{folder} is not prepared data: name the folder that imatfashion prepare made")
    sums = _read_sums(folder)
    wrong = [name for name, digest in sums.items() if not (folder / name).is_file() or _digest(folder / name) != digest]
    if wrong:
        raise FashionError(f"{folder} is not what was prepared, in {', '.join(wrong)}: copy the prepared data again")
    return len(sums)


def _read_sums(folder: Path) -> dict[str, str]:
    try:
        lines = (folder / SUMS).read_text(encoding="utf-8").splitlines()
        sums = {name: digest for digest, name in (line.split("  ", 1) for line in lines)}
    except FileNotFoundError as error:
        raise FashionError(
            f"{folder} has no {SUMS}: it was prepared by an older version, or the file was not copied"
        ) from error
    except (OSError, ValueError) as error:
        raise FashionError(f"{folder / SUMS} is damaged: copy the prepared data again") from error
    if "meta.json" not in sums or any(Path(name).name != name for name in sums):
        raise FashionError(f"{folder / SUMS} is damaged: copy the prepared data again")
    return sums


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
