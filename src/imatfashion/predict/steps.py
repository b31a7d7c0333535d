"""The two steps behind the networks: scores become garments, garments with probabilities become results."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from imatfashion.predict.ensemble import Describers, Framed, Segmenters
from imatfashion.predict.garments import FoundGarment, garments_from_labels
from imatfashion.predict.give_way import give_way
from imatfashion.predict.inputs import PhotoInput
from imatfashion.predict.postprocess import PostProcess
from imatfashion.predict.regions import Found
from imatfashion.predict.resample import label_maps
from imatfashion.predict.results import GarmentResult, PhotoResult
from imatfashion.predict.settings import Settings
from imatfashion.predict.whole import give_back


def cut(photo: PhotoInput, framed: Framed, settings: Settings, segmenters: Segmenters) -> Found:
    """Cut a photo's garments out of its scores, on the output grid."""
    size = (photo.height, photo.width)
    grid = (settings.side, settings.side) if settings.side else size
    share = settings.post.give_way if settings.post else 0.0
    scores = give_way(framed.scores, framed.view, size, segmenters.typical_shares, share) if share else framed.scores
    expected = settings.post.expected if settings.post else None
    labels_LHW, confidence_LHW = label_maps(scores, framed.view, size, grid, expected)
    background = len(segmenters.spec.class_ids)
    if settings.overlap == "none":
        for layer in range(len(labels_LHW) - 1):
            labels_LHW[layer][(labels_LHW[layer + 1 :] < background).any(axis=0)] = background
    components = _component_classes(settings, segmenters)
    garments = garments_from_labels(labels_LHW, background, confidence_LHW, component_classes=components)
    if settings.overlap == "parts":
        garments = give_back(garments, grid, segmenters.lies_on)
    return Found(photo, grid, garments)


def _component_classes(settings: Settings, segmenters: Segmenters) -> frozenset[int]:
    automatic = frozenset(segmenters.component_classes)
    if settings.post is not None:
        automatic = settings.post.component_classes(automatic)
    every = frozenset(range(len(segmenters.spec.class_ids)))
    return {"yes": every, "no": frozenset(), "auto": automatic}[settings.components]


def describe(found: Sequence[Found], post: PostProcess, describers: Describers | None) -> Iterator[PhotoResult]:
    """The results of photos: attributes for each garment, and without what `post` leaves out."""
    probabilities = describers.probabilities(found) if describers else [None] * len(found)
    for cut_photo, given in zip(found, probabilities, strict=True):
        height, width = cut_photo.grid
        garments = tuple(
            _result(garment, None if given is None else given[index], post, describers)
            for index, garment in enumerate(cut_photo.garments)
            if post.keeps(garment.class_index, garment.area, garment.score, height * width)
        )
        yield PhotoResult(cut_photo.input.name, height, width, garments)


def _result(
    garment: FoundGarment,
    probabilities: npt.NDArray[np.float32] | None,
    post: PostProcess,
    describers: Describers | None,
) -> GarmentResult:
    attributes = None
    if describers is not None and probabilities is not None:
        attributes = post.attributes(probabilities, describers.allowed[garment.class_index])
    return GarmentResult(garment.class_index, attributes, garment.score, garment.runs)
