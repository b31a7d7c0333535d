"""The Predictor: checkpoints in, garments out; plain torch, no trainer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt
from PIL import Image

from imatfashion.data.photos import PhotoError
from imatfashion.errors import FashionError
from imatfashion.predict.checkpoints import labels_of
from imatfashion.predict.device import choose_place
from imatfashion.predict.ensemble import Describers, Framed, Segmenters
from imatfashion.predict.images import Photo
from imatfashion.predict.inputs import PhotoInput, image_input, read_input
from imatfashion.predict.looks import LookOptions
from imatfashion.predict.pixels import as_pixels
from imatfashion.predict.postprocess import PostProcess
from imatfashion.predict.prediction import Prediction
from imatfashion.predict.regions import Found
from imatfashion.predict.results import PhotoResult
from imatfashion.predict.settings import Settings
from imatfashion.predict.stages import CPU_BATCH
from imatfashion.predict.steps import cut, describe
from imatfashion.predict.stream import stream

ByteArray = npt.NDArray[np.uint8]
Checkpoints = Path | str | Sequence[Path | str]
"""A checkpoint, or several that predict together."""
T = TypeVar("T")
Map = Callable[[Callable[[Any], Any], Iterable[Any]], Iterable[Any]]


class Started(NamedTuple):
    """Photos, and their garments, which threads may still be finding."""

    inputs: Sequence[PhotoInput]
    found: Iterable[Found]


class Predictor:
    """Predicts garments with their attributes.

    Args:
        class_stage: the class segmenters.
        attribute_stage: the attribute classifiers, None for no attributes.

    Attributes:
        classes: the classes that indices mean.
        attributes: the attributes that indices mean.
        looks: the ways in which the networks look at a photo.

    Raises:
        FashionError: the two know different classes.
    """

    def __init__(self, class_stage: Segmenters, attribute_stage: Describers | None = None) -> None:
        self.class_stage = class_stage
        self.attribute_stage = attribute_stage
        self.classes, self.attributes = labels_of(class_stage.spec)
        self.looks = list(class_stage.looks)
        if attribute_stage is not None:
            described, self.attributes = labels_of(attribute_stage.spec)
            self.looks += attribute_stage.looks
            if described.ids != self.classes.ids:
                raise FashionError(
                    f"the attribute checkpoint was trained on other classes ({len(described)}) than the class "
                    f"checkpoint ({len(self.classes)}); give two of the same data set"
                )

    @classmethod
    def load(
        cls,
        classes_ckpt: Checkpoints,
        attributes_ckpt: Checkpoints | None = None,
        device: str = "auto",
        options: LookOptions | None = None,
        precision: str | None = None,
    ) -> Predictor:
        """Load checkpoints.

        Args:
            classes_ckpt: checkpoint of the class segmenter, or several, whose probabilities are averaged.
            attributes_ckpt: the same of the attribute classifier; without it garments have no attributes.
            device: `auto`, `cpu`, `cuda` or `cuda:N`.
            options: how the networks look at photos; by default once.
            precision: `32-true`, `16-mixed` or `bf16-mixed`; by default what a GPU is best at, float32 on a processor.

        Raises:
            FashionError: a checkpoint, the device or the precision cannot be used, or checkpoints were trained on
                different classes.
        """
        place, options = choose_place(device, precision), options or LookOptions()
        describers = _paths(attributes_ckpt) if attributes_ckpt else []
        segmenters = Segmenters(_paths(classes_ckpt), place, options)
        return cls(segmenters, Describers(describers, place, options) if describers else None)

    def __call__(self, photo: Path | str | ByteArray | Image.Image, settings: Settings | None = None) -> Prediction:
        """Predict one photo.

        Args:
            photo: a file or a Pillow picture, shown as viewers show it, or pixels, uint8 (H, W, 3) RGB.
            settings: how label maps become garments; by default on the photo's own size, with nothing left out.

        Raises:
            FashionError: the picture in memory has no 8 bits a channel.
            PhotoError: the photo cannot be read.
        """
        if not isinstance(photo, str | Path):
            pixels = as_pixels(photo)
            source: Path | ByteArray = pixels
            taken = image_input("photo", pixels, self.looks)
        else:
            source = Path(photo)
            taken = read_input(source.name, source, self.looks)
            if taken.problem:
                raise PhotoError(source, taken.problem)
        (result,) = self.predict_inputs([taken], settings or Settings())
        return self._prediction(result, source)

    def predict_photos(
        self,
        photos: Iterable[Path | str],
        settings: Settings | None = None,
        *,
        batch_size: int = 8,
        workers: int = 2,
    ) -> Iterator[Prediction]:
        """Predict photos one after another, in bounded memory; `problem` says of a photo why it could not be read."""
        paths = [Path(photo) for photo in photos]
        named = [Photo(str(path), path) for path in paths]
        results = stream(self, named, settings or Settings(), batch_size=batch_size, workers=workers)
        for path, result in zip(paths, results, strict=True):
            yield self._prediction(result, path)

    def predict_inputs(
        self,
        inputs: Sequence[PhotoInput],
        settings: Settings,
        *,
        batch_size: int = 1,
        pool: ThreadPoolExecutor | None = None,
    ) -> list[PhotoResult]:
        """Predict photos that were read, together.

        Args:
            inputs: at most `batch_size` photos.
            settings: how label maps become garments.
            batch_size: photos that the segmenter sees at once.
            pool: threads to cut garments in.

        Returns:
            A result each; that of a photo which could not be read has its problem and no garments.
        """
        return self.finish(self.start(inputs, settings, batch_size=batch_size, pool=pool), settings)

    def start(
        self, inputs: Sequence[PhotoInput], settings: Settings, *, batch_size: int, pool: ThreadPoolExecutor | None
    ) -> Started:
        """Leave photos to the pool, segmented before where a GPU does it; arguments as `predict_inputs`."""
        readable = [photo for photo in inputs if not photo.problem]
        found = self._cutting(readable, (settings,), batch_size, pool.map if pool else map) if readable else ()
        return Started(inputs, (of_photo for (of_photo,) in found))

    def finish(self, started: Started, settings: Settings) -> list[PhotoResult]:
        """The results of photos that were started: attributes, and what is left out."""
        found = list(started.found)
        post = settings.post or PostProcess.plain(self.classes, self.attributes)
        results = iter(describe(found, post, self.attribute_stage))
        side = settings.side or 512
        return [
            PhotoResult(photo.name, side, side, (), photo.problem) if photo.problem else next(results)
            for photo in started.inputs
        ]

    def find(
        self, photos: Sequence[PhotoInput], settings: Sequence[Settings], batch_size: int = 1, map_: Map = map
    ) -> list[tuple[Found, ...]]:
        """The garments of photos that could be read, under each of some settings, before anything is left out.

        Args:
            photos: at most `batch_size` photos; the networks see each once, whatever the settings.
            settings: how label maps become garments.
            batch_size: photos that the segmenter sees at once.
            map_: `map`, or that of threads to cut garments in.
        """
        return list(self._cutting(photos, settings, batch_size, map_))

    def over_scores(
        self, photos: Sequence[PhotoInput], do: Callable[[PhotoInput, Framed], T], batch_size: int, map_: Map = map
    ) -> Iterable[T]:
        """What a function makes of each photo's scores, in the photos' order.

        Args:
            photos: photos that could be read, at most `batch_size`.
            do: given a photo and its scores; several threads call it where `map_` is theirs.
            batch_size: photos that the segmenter sees at once.
            map_: as in `find`.
        """
        size = min(batch_size, CPU_BATCH) if self.class_stage.on_processor else batch_size

        def do_pair(pair: tuple[PhotoInput, Framed]) -> T:
            return do(*pair)

        def segment_and_do(group: Sequence[PhotoInput]) -> list[T]:
            scores = self.class_stage.scores(group, size)
            return list(map(do_pair, zip(group, scores, strict=True)))

        if self.class_stage.on_processor:
            # Threads share the network as they share all else, so that none of the cores waits for one of them.
            groups = [photos[first : first + size] for first in range(0, len(photos), size)]
            return chain.from_iterable(map_(segment_and_do, groups))
        scores = self.class_stage.scores(photos, size)
        return map_(do_pair, zip(photos, scores, strict=True))

    def _cutting(
        self, photos: Sequence[PhotoInput], settings: Sequence[Settings], batch_size: int, map_: Map
    ) -> Iterable[tuple[Found, ...]]:
        for each in settings:
            self.class_stage.check(each)

        def cut_all(photo: PhotoInput, framed: Framed) -> tuple[Found, ...]:
            return tuple(cut(photo, framed, each, self.class_stage) for each in settings)

        return self.over_scores(photos, cut_all, batch_size, map_)

    def _prediction(self, result: PhotoResult, photo: Path | ByteArray) -> Prediction:
        return Prediction(result, photo, self.classes, self.attributes)


def _paths(checkpoints: Checkpoints) -> list[Path]:
    return [Path(checkpoints)] if isinstance(checkpoints, (str, Path)) else [Path(path) for path in checkpoints]
