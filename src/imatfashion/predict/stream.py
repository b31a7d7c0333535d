"""Photos through the Predictor in a steady stream: threads read ahead a bounded way, batches are predicted in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
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

    While threads cut one batch's garments, the segmenters see the next batch. At any time four batches of photos at the
    networks' size and two batches of scores are in memory, however many photos there are.

    Args:
        predictor: the networks.
        photos: what to predict.
        settings: how label maps become garments.
        batch_size: photos that the segmenter sees at once.
        workers: threads that read photos, and as many that cut garments.

    Returns:
        A result each.
    """
    # Two pools, so that cutting does not wait behind the reading of photos that are not needed yet.
    with ThreadPoolExecutor(workers, "read") as readers, ThreadPoolExecutor(workers, "cut") as cutters:
        try:
            inputs = _read_ahead(predictor, photos, readers, 2 * batch_size)
            before: Started | None = None
            while batch := list(islice(inputs, batch_size)):
                started = predictor.start(batch, settings, batch_size=batch_size, pool=cutters)
                if before is not None:
                    yield from predictor.finish(before, settings)
                before = started
            if before is not None:
                yield from predictor.finish(before, settings)
        finally:
            readers.shutdown(wait=False, cancel_futures=True)


def _read_ahead(
    predictor: Predictor, photos: Sequence[Photo], readers: ThreadPoolExecutor, ahead: int
) -> Iterator[PhotoInput]:
    waiting: deque[Future[PhotoInput]] = deque()
    for photo in photos:
        waiting.append(readers.submit(read_input, photo.name, photo.path, predictor.looks))
        if len(waiting) >= ahead:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()
