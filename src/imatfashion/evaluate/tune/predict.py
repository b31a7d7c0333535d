"""From checkpoints and validation photos to measured garments: each photo is predicted once, for all cuts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import replace
from itertools import count
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.progress import track

from imatfashion.data.annotations import Annotations
from imatfashion.data.cores import core_count
from imatfashion.data.photo_source import PhotoSource, open_photos
from imatfashion.data.photos import PhotoError, decode_photo
from imatfashion.data.prepared import prepared_resolution
from imatfashion.errors import FashionError
from imatfashion.evaluate.on_grid import GRID, photo_garments
from imatfashion.evaluate.tune.candidates import Described, MeasuredPhoto, as_regions, measure
from imatfashion.predict.garments import FoundGarment
from imatfashion.predict.inputs import PhotoInput, image_input, read_input
from imatfashion.predict.postprocess import PostProcess
from imatfashion.predict.predictor import Predictor
from imatfashion.predict.regions import Found
from imatfashion.predict.settings import Settings

BATCH = 8
"""Photos that the segmenter sees at once, as in predict.py."""


def check_labels(predictor: Predictor, table: Annotations) -> None:
    """Refuse checkpoints that were trained with other label files than the table's.

    Raises:
        FashionError: the classes differ, or the attributes do.
    """
    if predictor.classes.ids != table.classes.ids:
        raise FashionError(
            f"the run's checkpoint knows {len(predictor.classes)} classes, other ones than the {len(table.classes)} of "
            f"{table.path}: tune on the data set that it was trained on, with the same label file"
        )
    if predictor.attribute_stage is not None and predictor.attributes.ids != table.attributes.ids:
        raise FashionError(
            f"the attribute checkpoint knows {len(predictor.attributes)} attributes, other ones than the "
            f"{len(table.attributes)} of {table.path}: give one of the same label file as --attributes"
        )


def measured_photos(
    predictor: Predictor, table: Annotations, photos: Sequence[int], give_way: Sequence[float]
) -> Iterator[tuple[MeasuredPhoto, ...]]:
    """Predict photos of a table and measure what was found.

    A photo that cannot be read has no garments, as in a submission.

    Args:
        predictor: the networks.
        table: the truth, which knows where its photos are.
        photos: indices into the table.
        give_way: parts of its typical share of a photo that a class must have, to be compared.

    Returns:
        Each photo, measured under each of `give_way`; a batch of photos at a time is in memory.
    """
    numbers = count()
    with ThreadPoolExecutor(core_count(), "tune") as pool:
        for batch, inputs in read_batches(predictor, table, photos, pool):
            readable = [photo for photo in inputs if not photo.problem]
            found = iter(_all_cuts(predictor, readable, give_way, batch_size(photos), pool))
            for photo, taken, number in zip(batch, inputs, numbers, strict=False):  # numbers go on behind the batch
                truth = photo_garments(table, photo)
                answers = (_NOTHING,) * len(give_way) if taken.problem else next(found)
                yield tuple(
                    measure(number, truth, table.classes.ids, [_described(predictor, table, cut) for cut in both])
                    for both in answers
                )


def batch_size(photos: Sequence[int]) -> int:
    """Photos that the segmenter sees at once, the last batch filled: as predict.py has it, to the last bit."""
    return min(BATCH, len(photos))


def read_batches(
    predictor: Predictor, table: Annotations, photos: Sequence[int], pool: Executor
) -> Iterator[tuple[Sequence[int], list[PhotoInput]]]:
    """The photos of a table in batches, read by the threads of a pool; progress is shown on a terminal."""
    source, size = open_photos(table), batch_size(photos)
    console = Console(stderr=True)
    firsts = range(0, len(photos), size)
    for first in track(firsts, "predicting", console=console, transient=True, disable=not console.is_terminal):
        batch = photos[first : first + size]
        yield batch, list(pool.map(lambda photo: _read(predictor, table, source, photo), batch))


def _read(predictor: Predictor, table: Annotations, source: PhotoSource, photo: int) -> PhotoInput:
    """A photo as prediction reads it: from its file, or decoded from prepared data."""
    name = table.name(photo)
    if prepared_resolution(table) is None and table.photo_dir is not None:
        return read_input(name, table.photo_dir / name, predictor.looks)
    try:
        return image_input(name, decode_photo(source.load(photo), size=table.size(photo)), predictor.looks)
    except PhotoError as error:
        return PhotoInput(name, 0, 0, {}, error.reason)


class _Answer(NamedTuple):
    """Garments of one cut, and the attribute network's answer for them, None without one."""

    garments: Sequence[FoundGarment]
    probabilities: npt.NDArray[np.float32] | None


_NOTHING = (_Answer((), None), _Answer((), None))


def _all_cuts(
    predictor: Predictor, photos: Sequence[PhotoInput], give_way: Sequence[float], batch_size: int, pool: Executor
) -> list[tuple[tuple[_Answer, _Answer], ...]]:
    """What was found in each photo under each of `give_way`, by regions and by components."""
    if not photos:
        return []
    plain = PostProcess.plain(predictor.classes, predictor.attributes)
    settings = [Settings(GRID, components="yes", post=replace(plain, give_way=part)) for part in give_way]
    by_photo = predictor.find(photos, settings, batch_size, pool.map)
    answers = [_both_cuts(predictor, list(found)) for found in zip(*by_photo, strict=True)]
    return list(zip(*answers, strict=True))


def _both_cuts(predictor: Predictor, parts: Sequence[Found]) -> list[tuple[_Answer, _Answer]]:
    """Photos cut by components, and the same by regions before it."""
    found = [*(photo._replace(garments=as_regions(photo.garments)) for photo in parts), *parts]
    stage = predictor.attribute_stage
    given = stage.probabilities(found) if stage else [None] * len(found)
    answers = [_Answer(photo.garments, rows) for photo, rows in zip(found, given, strict=True)]
    return list(zip(answers[: len(parts)], answers[len(parts) :], strict=True))


def _described(predictor: Predictor, table: Annotations, answer: _Answer) -> Described:
    """With a probability of −1 for attributes that a garment cannot have, so that no threshold lets them in."""
    probabilities = np.full((len(answer.garments), len(table.attributes)), -1, dtype=np.float32)
    stage = predictor.attribute_stage
    if stage is not None and answer.probabilities is not None and len(answer.garments):
        allowed = stage.allowed[[garment.class_index for garment in answer.garments]]
        probabilities[allowed] = answer.probabilities[allowed]
    return Described(answer.garments, probabilities)
