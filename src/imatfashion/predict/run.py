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
from imatfashion.models.checkpoint import load_checkpoint
from imatfashion.predict.checkpoints import check_agreement, labels_of
from imatfashion.predict.fingerprint import fingerprint_of
from imatfashion.predict.folds import Job, plan_jobs, seen_in_training
from imatfashion.predict.images import Photo, find_photos
from imatfashion.predict.made import problems_of_made
from imatfashion.predict.memory import memory_said
from imatfashion.predict.merge import merge
from imatfashion.predict.overlays import save_overlay
from imatfashion.predict.parts import PartFile, part_path
from imatfashion.predict.plan import Plan, check_outputs, check_overlays, has_parts, in_the_way, is_made, make_plan
from imatfashion.predict.postprocess import PostProcess
from imatfashion.predict.predictor import Predictor
from imatfashion.predict.results import PhotoResult
from imatfashion.predict.settings import Settings
from imatfashion.predict.stream import stream
from imatfashion.predict.tuning_file import read_tuning, tuned_for_others


def run_prediction(config: PredictConfig) -> Path:
    """Predict photos and write one output.

    Photos are appended to OUTPUT.part one by one (OUTPUT.part-i-of-n for a shard), so that the same command goes on
    after a kill. The process that finds all parts complete merges them, in the photos' order, and removes them.

    Args:
        config: a whole config.

    Returns:
        The output; the part, where other shards are still missing.

    Raises:
        FashionError: the config, a checkpoint, the photos or the device cannot be used, the output cannot be written,
            or memory ran out.
    """
    plan = make_plan(config)
    photos = find_photos(config.images)
    check_outputs(plan, photos)
    if config.overlays:
        check_overlays(plan, photos, config.images, config.overlays)
    jobs = plan_jobs(plan.classes, photos, config.folds)
    classes, attributes = _labels(plan, jobs)
    fingerprint = fingerprint_of(config, plan, jobs)
    if is_made(plan.output, plan.format) and not has_parts(plan):
        # Killed behind its last step, or given twice: there is nothing left to do.
        todo = [photo for job in jobs for photo in job.photos]
        _tell_of_problems(problems_of_made(plan.output, fingerprint, todo), len(todo))
        return plan.output
    settings = _settings(config, plan, classes, attributes)
    _tell_of_tuning(config, fingerprint)
    names = [photo.name for job in jobs for photo in job.photos]
    mine = _share(len(names), plan.shard, plan.shards)
    with PartFile(part_path(plan.output, plan.shard, plan.shards), fingerprint, names[mine.start : mine.stop]) as part:
        if is_made(plan.output, plan.format) and part.done < len(mine):
            raise in_the_way(plan.output)
        with memory_said(config):
            _predict(config, plan, jobs, range(mine.start + part.done, mine.stop), settings, part)
    _tell_of_folds(config, plan, photos, len(names))
    counts = [len(_share(len(names), shard, plan.shards)) for shard in range(plan.shards)]
    return _finish(plan, fingerprint, counts, classes, attributes)


def _labels(plan: Plan, jobs: Sequence[Job]) -> tuple[Labels, Labels]:
    """The labels of all checkpoints, which must agree; read before hours are spent."""
    paths = [path for job in jobs for path in job.checkpoints]
    specs = [load_checkpoint(path, stage="classes")[0] for path in paths]
    check_agreement(paths, specs, "class_ids")
    classes, attributes = labels_of(specs[0])
    if plan.attributes:
        described = [load_checkpoint(path, stage="attributes")[0] for path in plan.attributes]
        check_agreement(plan.attributes, described, "class_ids", "attribute_ids")
        attributes = labels_of(described[0])[1]
    return classes, attributes


def _settings(config: PredictConfig, plan: Plan, classes: Labels, attributes: Labels) -> Settings:
    post = PostProcess.plain(
        classes, attributes, min_area=config.min_area, threshold=config.threshold, give_way=config.give_way
    )
    if config.tuning:
        post = read_tuning(Path(config.tuning), post, classes, attributes)
    return Settings(plan.side, plan.components, config.overlap, post)


def _tell_of_tuning(config: PredictConfig, fingerprint: dict[str, Any]) -> None:
    if config.tuning:
        for line in tuned_for_others(Path(config.tuning), fingerprint):
            _tell(line)


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
            predictor = Predictor.load(job.checkpoints, plan.attributes, config.device, plan.looks, config.precision)
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


def _tell_of_folds(config: PredictConfig, plan: Plan, photos: Sequence[Photo], predicted: int) -> None:
    if len(photos) > predicted:
        _tell(f"{len(photos) - predicted} of {len(photos)} photos are in no fold's validation and were left out")
    if config.folds == "ensemble" and (seen := seen_in_training(plan.classes[0], photos)):
        _tell(f"{seen} of {len(photos)} photos belong to the folds' own data; folds=own predicts those out of fold")


def _finish(
    plan: Plan, fingerprint: dict[str, Any], counts: Sequence[int], classes: Labels, attributes: Labels
) -> Path:
    summary = merge(plan.output, plan.format, fingerprint, counts, classes, attributes)
    if summary is None:
        part = part_path(plan.output, plan.shard, plan.shards)
        # The output does not tell: one of an earlier prediction may be there.
        if not part.exists():  # another shard was faster, and has merged this one, too
            return plan.output
        _tell(f"shard {plan.shard} of {plan.shards} is done; the last one to finish writes {plan.output}")
        return part
    _tell_of_problems(summary.problems, sum(counts))
    return plan.output


def _tell_of_problems(problems: Sequence[tuple[str, str]], count: int) -> None:
    if problems:
        _tell(f"{len(problems)} of {count} photos could not be read and have no garments:")
        for name, problem in problems:
            _tell(f"  {name}: {problem}")


def _tell(line: str) -> None:
    sys.stderr.write(line + "\n")
