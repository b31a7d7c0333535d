"""Which checkpoint predicts which photos: one for all, or each fold's model its own validation photos."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from imatfashion.data.split_file import read_split_file
from imatfashion.errors import FashionError
from imatfashion.predict.images import Photo


@dataclass(frozen=True)
class Job:
    """A class checkpoint and the photos that it predicts."""

    checkpoint: Path
    photos: tuple[Photo, ...]


def plan_jobs(classes_ckpt: Path, photos: Sequence[Photo]) -> list[Job]:
    """Assign photos to checkpoints.

    Args:
        classes_ckpt: a checkpoint, which predicts all photos; or a sweep directory with a run (`split.json`,
            `checkpoints/best.ckpt`) for each fold, which predicts its own validation photos: out of fold.
        photos: what there is to predict; photos that are in no fold's validation are left out.

    Returns:
        The jobs, by run directory, each with its photos in the given order.

    Raises:
        FashionError: the directory holds no finished runs, two of them validate on the same photo, or none of the
            photos is theirs.
    """
    if not classes_ckpt.is_dir():
        return [Job(classes_ckpt, tuple(photos))]
    jobs = [Job(checkpoint, tuple(mine)) for checkpoint, mine in _assigned(classes_ckpt, photos)]
    if not any(job.photos for job in jobs):
        raise FashionError(
            f"none of the {len(photos)} photos is a validation photo of a fold in {classes_ckpt}; images= wants the "
            "photos that the folds were trained on"
        )
    return [job for job in jobs if job.photos]


def _assigned(sweep: Path, photos: Sequence[Photo]) -> Iterator[tuple[Path, list[Photo]]]:
    owner: dict[str, Path] = {}
    for run in _runs(sweep):
        names = set(read_split_file(run / "split.json").val)
        twice = next((name for name in names if name in owner), None)
        if twice is not None:
            raise FashionError(
                f"the photo {twice} is a validation photo of both {owner[twice]} and {run}; classes_ckpt= wants a "
                "sweep over data.fold, each fold once"
            )
        owner |= dict.fromkeys(names, run)
        yield run / "checkpoints" / "best.ckpt", [photo for photo in photos if photo.name in names]


def _runs(sweep: Path) -> list[Path]:
    if (sweep / "split.json").is_file():
        raise FashionError(f"{sweep} is a run directory; give its checkpoint, {sweep}/checkpoints/best.ckpt")
    runs = sorted(path.parent for path in sweep.rglob("split.json"))
    if not runs:
        raise FashionError(f"{sweep} is a folder without runs; classes_ckpt= wants a checkpoint or a sweep directory")
    for run in runs:
        if not (run / "checkpoints" / "best.ckpt").is_file():
            raise FashionError(f"the fold {run} has no checkpoints/best.ckpt; finish it (resume={run}) or remove it")
    return runs
