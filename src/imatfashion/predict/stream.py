"""Photos through the Predictor in a steady stream: threads read ahead a bounded way, batches are predicted in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from itertools import islice
from typing import TYPE_CHECKING

from imatfashion.predict.images import Photo
from imatfashion.predict.inputs import PhotoInput, read_input
from imatfashion.predict.results import PhotoResult
from imatfashion.predict.settings import Settings

if TYPE_CHECKING:
    from imatfashion.predict.predictor import Predictor, Started


def stream(
    predictor: Predictor, photos: Sequence[Photo], settings: Settings, *, batch_size: int, workers: int
) -> Iterator[PhotoResult]:
    """Predict photos in their order.

    While threads cut one batch's garments, a GPU sees the next batch; on a processor the threads segment, too. At any
    time four batches of photos at the networks' size and two batches of scores are in memory, however many photos there
    are.

    Args:
        predictor: the networks.
        photos: what to predict.
        settings: how label maps become garments.
        batch_size: photos that the segmenter sees at once.
        workers: threads that read photos and do what follows; beside a GPU twice as many, for some wait for it.

    Returns:
        A result each.
    """
    threads = workers if predictor.class_stage.on_processor else 2 * workers
    # One pool: what is cut first is what was read first, and no core is shared by more threads than it must.
    with ThreadPoolExecutor(threads, "work") as pool:
        try:
            inputs = _read_ahead(predictor, photos, pool, 2 * batch_size)
            before: Started | None = None
            while batch := list(islice(inputs, batch_size)):
                started = predictor.start(batch, settings, batch_size=batch_size, pool=pool)
                if before is not None:
                    yield from predictor.finish(before, settings)
                before = started
            if before is not None:
                yield from predictor.finish(before, settings)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _read_ahead(predictor: Predictor, photos: Sequence[Photo], pool: Executor, ahead: int) -> Iterator[PhotoInput]:
    waiting: deque[Future[PhotoInput]] = deque()
    for photo in photos:
        waiting.append(pool.submit(read_input, photo.name, photo.path, predictor.looks))
        if len(waiting) >= ahead:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()
