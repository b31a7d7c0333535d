"""`imatfashion prepare`: the whole of it, from a folder to a folder."""

from __future__ import annotations

import errno
import shutil
import time
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from hashlib import blake2b
from pathlib import Path

from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress

from imatfashion.data.annotations import PREPARED, Annotations
from imatfashion.data.build import open_table
from imatfashion.data.cores import core_count
from imatfashion.data.photo_source import open_photos
from imatfashion.data.prepare.chunks import ChunkMaker
from imatfashion.data.prepare.finish import finish
from imatfashion.data.prepare.parts import Fingerprint, Parts
from imatfashion.data.prepare.pool import in_order
from imatfashion.data.prepare.report import PrepareReport
from imatfashion.data.prepared import QUALITY, is_prepared, prepared_resolution, shorter_side
from imatfashion.data.progress_bar import progress_bar
from imatfashion.data.sources import USUAL, DataFiles
from imatfashion.errors import FashionError

CHUNK = 64
"""Photos that are written at once; a killed preparation loses no more of them for each process."""
_SMALLEST, _LARGEST = 32, 4096
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def prepare(
    data_dir: Path,
    out: Path,
    files: DataFiles = USUAL,
    *,
    resolution: int,
    workers: int = -1,
    progress: bool = True,
) -> PrepareReport:
    """Write a data set's photos and masks at training size.

    The photos are sized by `prepared_size`; names, classes, attributes, rows, groups and areas stay, masks are sampled
    at pixel centres, and a garment that vanishes stays with an empty mask. The result depends on the data and the
    resolution alone, however often it was interrupted and resumed.

    Args:
        data_dir: as `root` of `open_table`.
        out: folder to make; the work goes on beside it, in `.NAME.preparing`, until it is finished.
        files: as `open_table`.
        resolution: side of the samples, pixels.
        workers: processes; −1 for one a core.
        progress: show on stderr how far it is.

    Raises:
        FashionError: the data cannot be used, `out` is something else, the disk is full, or a process was killed.
    """
    started = time.monotonic()
    if not _SMALLEST <= resolution <= _LARGEST:
        raise FashionError(f"resolution {resolution} must be {_SMALLEST} … {_LARGEST} pixels")
    console = Console(stderr=True, quiet=not progress)
    with progress_bar("reading annotations", console) as tell:
        table = open_table(data_dir, files, progress=tell)
    fingerprint = _fingerprint(table, resolution)
    _check(table, out, fingerprint, resolution)
    folder = out.with_name(f".{out.name}.preparing")
    resumed = len(table)
    if not is_prepared(out):
        resumed = _work(table, folder, out, fingerprint, core_count() if workers < 0 else workers, console)
    shutil.rmtree(folder, ignore_errors=True)
    done = Annotations(out)
    size = sum(path.stat().st_size for path in out.iterdir())
    unreadable = tuple(done.meta["unreadable"])
    seconds = time.monotonic() - started
    return PrepareReport(out, resolution, len(done), len(done.garment_class), resumed, unreadable, size, seconds)


def _fingerprint(table: Annotations, resolution: int) -> Fingerprint:
    """What the result depends on: settings, and a digest of all of the table but its runs."""
    digest = blake2b(digest_size=16)
    for path in sorted(table.path.glob("*.npy")):
        # The runs may be gigabytes; their number and area in each garment stand for them.
        if path.stem not in ("run_starts", "run_lengths"):
            digest.update(path.read_bytes())
    return {"resolution": resolution, "quality": QUALITY, "data": digest.hexdigest()}


def _check(table: Annotations, out: Path, fingerprint: Fingerprint, resolution: int) -> None:
    open_photos(table)  # a table without photos is refused
    before = prepared_resolution(table)
    if before is not None and before < resolution:
        raise FashionError(f"{table.path} is prepared at {before} already: prepare {resolution} from the data set")
    if is_prepared(out):
        meta = Annotations(out).meta
        different = ", ".join(key for key, value in fingerprint.items() if meta.get(key) != value)
        if different:
            raise FashionError(f"{out} is prepared with another {different}: remove it or name another folder")
    elif out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise FashionError(f"{out} is there already and is not prepared data: name a new folder")


def _work(table: Annotations, folder: Path, out: Path, fingerprint: Fingerprint, workers: int, console: Console) -> int:
    """Make what is missing and put all in place; how many photos were there already."""
    meta = {
        "kind": PREPARED,
        "format": table.meta.get("format"),
        "source": table.meta.get("source"),
        "grid": None,
        "photo_dir": None,
        **fingerprint,
        "shorter_side": shorter_side(fingerprint["resolution"]),
    }
    try:
        with Parts(folder, fingerprint) as parts:
            resumed = parts.done
            _append(table, parts, fingerprint["resolution"], workers, console)
            finish(table, folder, out, meta)
    except OSError as error:
        if error.errno in _FULL:
            reason = f"the disk of {out} is full: free some space"
        else:
            reason = f"{out} cannot be written ({error.strerror or error}): see to it"
        raise FashionError(f"{reason} and give the command again, what is done is kept in {folder}") from error
    except BrokenProcessPool as error:
        raise FashionError(
            f"a process that prepared {out} was killed, perhaps for want of memory: give the command again with fewer "
            "--workers, what is done is kept"
        ) from error
    return resumed


def _append(table: Annotations, parts: Parts, resolution: int, workers: int, console: Console) -> None:
    """Prepare the photos that are missing, under a progress bar."""
    total = len(table)
    todo = [range(first, min(first + CHUNK, total)) for first in range(parts.done, total, CHUNK)]
    bar = Progress(
        *Progress.get_default_columns(),
        MofNCompleteColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    chunks = in_order(ChunkMaker(table, resolution), todo, min(workers, len(todo)))
    with bar, closing(chunks):
        task = bar.add_task("preparing", total=total, completed=parts.done)
        for chunk in chunks:
            parts.append(chunk)
            bar.update(task, completed=parts.done)
