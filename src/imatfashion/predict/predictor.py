"""The Predictor: checkpoints in, garments out; plain torch, no trainer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from imatfashion.data.photos import PhotoError
from imatfashion.errors import FashionError
from imatfashion.predict.checkpoints import labels_of
from imatfashion.predict.device import choose_device
from imatfashion.predict.ensemble import Describers, Framed, Segmenters
from imatfashion.predict.garments import FoundGarment, garments_from_labels
from imatfashion.predict.images import Photo
from imatfashion.predict.inputs import PhotoInput, image_input, read_input
from imatfashion.predict.looks import LookOptions
from imatfashion.predict.postprocess import PostProcess
from imatfashion.predict.prediction import Prediction
from imatfashion.predict.regions import Found
from imatfashion.predict.resample import label_maps
from imatfashion.predict.results import GarmentResult, PhotoResult
from imatfashion.predict.settings import Settings
from imatfashion.predict.stream import stream
from imatfashion.predict.whole import give_back

ByteArray = npt.NDArray[np.uint8]
Checkpoints = Path | str | Sequence[Path | str]
"""A checkpoint, or several that predict together."""
Map = Callable[[Callable[[Any], Any], Iterable[Any]], Iterable[Any]]


class Started(NamedTuple):
    """Photos that the segmenters have seen, and their garments, which threads may still be cutting."""

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
    ) -> Predictor:
        """Load checkpoints.

        Args:
            classes_ckpt: checkpoint of the class segmenter, or several, whose probabilities are averaged.
            attributes_ckpt: the same of the attribute classifier; without it garments have no attributes.
            device: `auto`, `cpu`, `cuda` or `cuda:N`.
            options: how the networks look at photos; by default once.

        Raises:
            FashionError: a checkpoint or the device cannot be used, or checkpoints were trained on different classes.
        """
        place, options = choose_device(device), options or LookOptions()
        describers = _paths(attributes_ckpt) if attributes_ckpt else []
        segmenters = Segmenters(_paths(classes_ckpt), place, options)
        return cls(segmenters, Describers(describers, place, options) if describers else None)

    def __call__(self, photo: Path | str | ByteArray, settings: Settings | None = None) -> Prediction:
        """Predict one photo.

        Args:
            photo: a file, shown as viewers show it, or RGB pixels, uint8 (H, W, 3).
            settings: how label maps become garments; by default on the photo's own size, with nothing left out.

        Raises:
            PhotoError: the photo cannot be read.
        """
        if isinstance(photo, np.ndarray):
            source: Path | ByteArray = photo
            taken = image_input("photo", photo, self.looks)
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
        """Segment photos and leave the cutting to the pool; `finish` waits for it. Arguments as `predict_inputs`."""
        readable = [photo for photo in inputs if not photo.problem]
        found = self._cutting(readable, settings, batch_size, pool.map if pool else map) if readable else ()
        return Started(inputs, found)

    def finish(self, started: Started, settings: Settings) -> list[PhotoResult]:
        """The results of photos that were started: attributes, and what is left out."""
        found = list(started.found)
        results = iter(self._describe(found, [cut.input for cut in found], settings))
        side = settings.side or 512
        return [
            PhotoResult(photo.name, side, side, (), photo.problem) if photo.problem else next(results)
            for photo in started.inputs
        ]

    def find(
        self, photos: Sequence[PhotoInput], settings: Settings, batch_size: int = 1, map_: Map = map
    ) -> list[Found]:
        """The garments of photos that could be read, before anything is left out.

        Args:
            photos: at most `batch_size` photos.
            settings: how label maps become garments.
            batch_size: photos that the segmenter sees at once.
            map_: `map`, or that of threads to cut garments in.
        """
        return list(self._cutting(photos, settings, batch_size, map_))

    def _cutting(self, photos: Sequence[PhotoInput], settings: Settings, batch_size: int, map_: Map) -> Iterable[Found]:
        if settings.overlap == "parts":
            self.class_stage.check_parts()
        scores = self.class_stage.scores(photos, batch_size)

        def cut(pair: tuple[PhotoInput, Framed]) -> Found:
            return self._cut(*pair, settings)

        return map_(cut, zip(photos, scores, strict=True))

    def _cut(self, photo: PhotoInput, framed: Framed, settings: Settings) -> Found:
        size = (photo.height, photo.width)
        grid = (settings.side, settings.side) if settings.side else size
        labels_LHW, confidence_LHW = label_maps(framed.scores, framed.view, size, grid)
        background = len(self.classes)
        if settings.overlap == "none":
            for layer in range(len(labels_LHW) - 1):
                labels_LHW[layer][(labels_LHW[layer + 1 :] < background).any(axis=0)] = background
        components = self._component_classes(settings)
        garments = garments_from_labels(labels_LHW, background, confidence_LHW, component_classes=components)
        if settings.overlap == "parts":
            garments = give_back(garments, grid, self.class_stage.lies_on)
        return Found(photo, grid, garments)

    def _component_classes(self, settings: Settings) -> frozenset[int]:
        automatic = frozenset(self.class_stage.component_classes)
        if settings.post is not None:
            automatic = settings.post.component_classes(automatic)
        return {"yes": frozenset(range(len(self.classes))), "no": frozenset(), "auto": automatic}[settings.components]

    def _describe(
        self, found: Sequence[Found], photos: Sequence[PhotoInput], settings: Settings
    ) -> Iterator[PhotoResult]:
        post = settings.post or PostProcess.plain(self.classes, self.attributes)
        stage = self.attribute_stage
        probabilities = stage.probabilities(found) if stage else [None] * len(found)
        for photo, cut, given in zip(photos, found, probabilities, strict=True):
            garments = tuple(
                self._garment(garment, None if given is None else given[index], post)
                for index, garment in enumerate(cut.garments)
                if post.keeps(garment.class_index, garment.area, garment.score, cut.grid[0] * cut.grid[1])
            )
            yield PhotoResult(photo.name, *cut.grid, garments)

    def _garment(
        self, garment: FoundGarment, probabilities: npt.NDArray[np.float32] | None, post: PostProcess
    ) -> GarmentResult:
        attributes = None
        if self.attribute_stage is not None and probabilities is not None:
            attributes = post.attributes(probabilities, self.attribute_stage.allowed[garment.class_index])
        return GarmentResult(garment.class_index, attributes, garment.score, garment.runs)

    def _prediction(self, result: PhotoResult, photo: Path | ByteArray) -> Prediction:
        return Prediction(result, photo, self.classes, self.attributes)


def _paths(checkpoints: Checkpoints) -> list[Path]:
    return [Path(checkpoints)] if isinstance(checkpoints, (str, Path)) else [Path(path) for path in checkpoints]
