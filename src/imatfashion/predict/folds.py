"""Which checkpoints predict which photos: all of them every photo, or each fold's model its own validation photos."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from imatfashion.config.arguments import argument
from imatfashion.config.sweep_jobs import read_jobs
from imatfashion.data.split_file import read_split_file
from imatfashion.errors import FashionError
from imatfashion.predict.images import Photo


@dataclass(frozen=True)
class Job:
    """Class checkpoints, whose probabilities are averaged, and the photos that they predict."""

    checkpoints: tuple[Path, ...]
    photos: tuple[Photo, ...]


def plan_jobs(classes_ckpt: Sequence[Path], photos: Sequence[Photo], folds: str = "own") -> list[Job]:
    """Assign photos to checkpoints.

    Args:
        classes_ckpt: checkpoints, which predict all photos together; or a sweep directory with a run (`split.json`,
            `checkpoints/best.ckpt`, `summary.json`) for each fold.
        photos: what there is to predict.
        folds: what a sweep directory means: `own`, each fold's model predicts its own validation photos, and photos
            that are in no fold's validation are left out; or `ensemble`, all of them predict every photo together.

    Returns:
        The jobs, by run directory, each with its photos in the given order.

    Raises:
        FashionError: the directory holds no runs or an unfinished one, two of them validate on the same photo, none of
            the photos is theirs, or there is no sweep where `folds` wants one.
    """
    sweep = classes_ckpt[0]
    if not (len(classes_ckpt) == 1 and sweep.is_dir()):
        if folds == "ensemble":
            raise FashionError(
                "folds=ensemble wants classes_ckpt=SWEEP_DIR; a list of checkpoints is an ensemble anyway"
            )
        return [Job(tuple(classes_ckpt), tuple(photos))]
    if folds == "ensemble":
        return [Job(tuple(_best(run) for run in _runs(sweep)), tuple(photos))]
    jobs = [Job((checkpoint,), tuple(mine)) for checkpoint, mine in _assigned(sweep, photos)]
    if not any(job.photos for job in jobs):
        raise FashionError(
            f"none of the {len(photos)} photos is a validation photo of a fold in {sweep}; images= wants the photos "
            "that the folds were trained on, and folds=ensemble predicts others by all folds together"
        )
    return [job for job in jobs if job.photos]


def seen_in_training(sweep: Path, photos: Sequence[Photo]) -> int:
    """How many of the photos the runs of a sweep were trained or validated on."""
    splits = [read_split_file(run / "split.json") for run in _runs(sweep)]
    known = {name for split in splits for name in (*(split.train or ()), *split.val)}
    return sum(photo.name in known for photo in photos)


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
        yield _best(run), [photo for photo in photos if photo.name in names]


def _runs(sweep: Path) -> list[Path]:
    if (sweep / "split.json").is_file():
        raise FashionError(f"{sweep} is a run directory; give its checkpoint, {sweep}/checkpoints/best.ckpt")
    runs = sorted(path.parent for path in sweep.rglob("split.json"))
    if not runs:
        raise FashionError(f"{sweep} is a folder without runs; classes_ckpt= wants a checkpoint or a sweep directory")
    states = {job.folder: job.state for folder in {run.parent for run in runs} for job in read_jobs(folder)}
    for run in runs:
        if fault := _unfinished(run, states.get(run, "done")):
            raise FashionError(f"the fold {run} {fault}; finish it ({argument('resume', run)}) or remove it")
    return runs


def _unfinished(run: Path, state: str) -> str | None:
    """What a run lacks to be finished: its best checkpoint alone is there after the first epoch."""
    if not _best(run).is_file():
        return "has no checkpoints/best.ckpt"
    if not (run / "summary.json").is_file():
        return "has no summary.json, which training writes at its end"
    return None if state == "done" else f"is {state}, as its job.json says"


def _best(run: Path) -> Path:
    return run / "checkpoints" / "best.ckpt"
