"""A whole prediction: from its config to one output, photo by photo through a part file."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress

from imatfashion.config.schema import PredictConfig
from imatfashion.data.labels import Labels
from imatfashion.errors import FashionError
from imatfashion.models.checkpoint import load_checkpoint
from imatfashion.predict.fingerprint import fingerprint_of
from imatfashion.predict.folds import Job, plan_jobs
from imatfashion.predict.images import Photo, find_photos
from imatfashion.predict.merge import merge
from imatfashion.predict.overlays import save_overlay
from imatfashion.predict.parts import PartFile, part_path
from imatfashion.predict.plan import Plan, check_outputs, make_plan
from imatfashion.predict.postprocess import PostProcess, read_tuning
from imatfashion.predict.predictor import Predictor
from imatfashion.predict.results import PhotoResult
from imatfashion.predict.settings import Settings
from imatfashion.predict.stages import labels_of
from imatfashion.predict.stream import stream


def run_prediction(config: PredictConfig) -> Path:
    """Predict photos and write one output.

    Photos are appended to OUTPUT.part one by one (OUTPUT.part-i-of-n for a shard), so that the same command goes on
    after a kill. The process that finds all parts complete merges them, in the photos' order, and removes them.

    Args:
        config: a whole config.

    Returns:
        The output; the part, where other shards are still missing.

    Raises:
        FashionError: the config, a checkpoint, the photos or the device cannot be used, or the output cannot be
            written.
    """
    plan = make_plan(config)
    photos = find_photos(config.images)
    check_outputs(plan, photos, Path(config.overlays) if config.overlays else None)
    jobs = plan_jobs(Path(config.classes_ckpt).expanduser(), photos)
    classes, attributes = _labels(config, jobs)
    fingerprint = fingerprint_of(config, plan, jobs)
    settings = _settings(config, plan, classes, attributes)
    names = [photo.name for job in jobs for photo in job.photos]
    mine = _share(len(names), plan.shard, plan.shards)
    with PartFile(part_path(plan.output, plan.shard, plan.shards), fingerprint, names[mine.start : mine.stop]) as part:
        _predict(config, plan, jobs, range(mine.start + part.done, mine.stop), settings, part)
    if len(photos) > len(names):
        _tell(f"{len(photos) - len(names)} of {len(photos)} photos are in no fold's validation and were left out")
    counts = [len(_share(len(names), shard, plan.shards)) for shard in range(plan.shards)]
    return _finish(plan, fingerprint, counts, classes, attributes)


def _labels(config: PredictConfig, jobs: Sequence[Job]) -> tuple[Labels, Labels]:
    """The labels of all checkpoints, which must agree; read before hours are spent."""
    specs = [load_checkpoint(job.checkpoint, stage="classes")[0] for job in jobs]
    for job, spec in zip(jobs, specs, strict=True):
        if spec.class_ids != specs[0].class_ids:
            raise FashionError(
                f"{job.checkpoint} has other classes than {jobs[0].checkpoint}; give folds of one data set"
            )
    classes, attributes = labels_of(specs[0])
    if config.attributes_ckpt:
        attributes = labels_of(load_checkpoint(config.attributes_ckpt, stage="attributes")[0])[1]
    return classes, attributes


def _settings(config: PredictConfig, plan: Plan, classes: Labels, attributes: Labels) -> Settings:
    post = PostProcess.plain(classes, attributes, min_area=config.min_area, threshold=config.threshold)
    if config.tuning:
        post = read_tuning(Path(config.tuning), post, classes, attributes)
    return Settings(plan.side, plan.components, config.overlap, post)


def _share(count: int, shard: int, shards: int) -> range:
    """The photos of a shard: a stretch of the list, so that the parts in their order are the whole."""
    return range(count * shard // shards, count * (shard + 1) // shards)


def _predict(
    config: PredictConfig, plan: Plan, jobs: Sequence[Job], wanted: range, settings: Settings, part: PartFile
) -> None:
    """Predict the photos that are numbered `wanted` over all jobs."""
    first = 0
    with Progress(console=Console(stderr=True), transient=True, disable=not config.progress) as progress:
        task = progress.add_task("predicting", total=len(wanted))
        for job in jobs:
            todo = job.photos[max(wanted.start - first, 0) : max(wanted.stop - first, 0)]
            first += len(job.photos)
            if not todo:
                continue
            predictor = Predictor.load(job.checkpoint, config.attributes_ckpt, config.device)
            # A batch is never larger than the whole list: two photos are not computed as eight.
            batch = min(config.batch_size, len(job.photos))
            results = stream(predictor, todo, settings, batch_size=batch, workers=plan.workers)
            for result in _with_overlays(config, plan, todo, results, predictor):
                part.append(result)
                progress.advance(task)


def _with_overlays(
    config: PredictConfig, plan: Plan, photos: Sequence[Photo], results: Iterator[PhotoResult], predictor: Predictor
) -> Iterator[PhotoResult]:
    """The results, each when its picture has been drawn, so that a kill leaves no photo without."""
    if not config.overlays:
        yield from results
        return
    folder, labels = Path(config.overlays).expanduser(), (predictor.classes, predictor.attributes)
    waiting: deque[tuple[PhotoResult, Future[None]]] = deque()
    with ThreadPoolExecutor(plan.workers, "draw") as painters:
        for photo, result in zip(photos, results, strict=True):
            waiting.append((result, painters.submit(save_overlay, folder, photo, result, *labels)))
            while len(waiting) > 2 * plan.workers:
                yield _drawn(*waiting.popleft())
        while waiting:
            yield _drawn(*waiting.popleft())


def _drawn(result: PhotoResult, drawing: Future[None]) -> PhotoResult:
    drawing.result()
    return result


def _finish(
    plan: Plan, fingerprint: dict[str, Any], counts: Sequence[int], classes: Labels, attributes: Labels
) -> Path:
    summary = merge(plan.output, plan.format, fingerprint, counts, classes, attributes)
    if summary is None:
        if plan.output.exists():  # another shard was faster
            return plan.output
        _tell(f"shard {plan.shard} of {plan.shards} is done; the last one to finish writes {plan.output}")
        return part_path(plan.output, plan.shard, plan.shards)
    if summary.problems:
        _tell(f"{len(summary.problems)} of {sum(counts)} photos could not be read and have no garments:")
        for name, problem in summary.problems:
            _tell(f"  {name}: {problem}")
    return plan.output


def _tell(line: str) -> None:
    sys.stderr.write(line + "\n")
