"""Several networks and several looks at a photo as one: their probabilities are averaged.

Shape suffixes: L layers, C + 1 scores (background last), h × w the frame's size, g garments, A attributes.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from threading import BoundedSemaphore
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from imatfashion.data.cores import core_count
from imatfashion.errors import FashionError
from imatfashion.masks.view import View
from imatfashion.models.spec import ModelSpec
from imatfashion.predict.checkpoints import check_agreement
from imatfashion.predict.closer import found_crop
from imatfashion.predict.dense_crf import agree
from imatfashion.predict.device import Place
from imatfashion.predict.guided_filter import LEAST, follow_edges
from imatfashion.predict.inputs import PhotoInput
from imatfashion.predict.looks import Look, LookOptions
from imatfashion.predict.regions import Found
from imatfashion.predict.resample import bring
from imatfashion.predict.settings import Settings
from imatfashion.predict.stages import AttributeStage, ClassStage


class Framed(NamedTuple):
    """Scores before softmax, float32 (L, C + 1, h, w), and where their pixels lie in the photo."""

    scores: Tensor
    view: View


class Segmenters:
    """One class segmenter or several, each looking once or several times.

    Args:
        paths: checkpoints that agree on classes and layers.
        place: where they run, and how precisely.
        options: how they look at photos.

    Attributes:
        spec: the first one's description.
        looks: all ways in which photos are looked at.
        component_classes: classes of which at least half of the checkpoints found several garments in a photo.
        lies_on: the classes that each class lies on as a part, to at least half of the checkpoints; empty where one
            does not know.
        typical_shares: share of a photo that each class typically has, to the mean of the checkpoints; empty where one
            does not know.
        on_processor: whether they run on no GPU.

    Raises:
        FashionError: a checkpoint cannot be used, they do not agree, or one does not know how large classes are, which
            the dense CRF asks.
    """

    def __init__(self, paths: Sequence[Path], place: Place, options: LookOptions) -> None:
        self.stages = [ClassStage(path, place, options) for path in paths]
        specs = [stage.spec for stage in self.stages]
        check_agreement(paths, specs, "class_ids", "layer_of_class")
        self.spec = specs[0]
        self._passes = [(stage, look, flip) for stage in self.stages for look in stage.looks for flip in options.flips]
        self.component_classes = tuple(_of_half([spec.component_classes for spec in specs], len(self.spec.class_ids)))
        self.lies_on = _hosts(specs)
        self.typical_shares = _typical(specs)
        self.on_processor = place.device.type == "cpu"
        self._options = options
        if options.dense_crf and not self.typical_shares:
            raise _older("dense_crf=true", "how large each class is")
        largest = max(specs, key=lambda spec: spec.resolution)
        plain = Look(largest.resolution, "squash", aspect=largest.aspect)
        self._frame = Look.of(largest, own_aspect=True) if options.own_aspect else plain
        self.looks = list(dict.fromkeys(look for _, look, _ in self._passes))
        closer = any(look.closer for look in self.looks)
        if options.by_the_photo and len(self.looks) > 1 and not closer and self._frame not in self.looks:
            self.looks.append(self._frame)  # its colours are wanted where the average lies

    @torch.inference_mode()
    def scores(self, photos: Sequence[PhotoInput], batch: int) -> list[Framed]:
        """Scores of each photo, on the device. Threads may call it at once; on a busy processor they wait their turn.

        A single look gives the network's own scores. Of several, the probabilities are averaged on the grid of the
        largest checkpoint (at scale 1), and the scores are the averages' logarithms. Networks that were trained on the
        part of a photo that its garments are in look at the whole photo first, and then at the part that one of them
        found. What the photo's colours say comes last: the dense CRF, then the guided filter.

        Args:
            photos: at most `batch` photos.
            batch: photos that a network sees at once.
        """
        with _turns(torch.get_num_threads()):
            photos = self._closer(photos, batch)
            framed = self._scores(photos, batch)
            if not self._options.by_the_photo:
                return framed
            return [self._by_the_photo(*pair) for pair in zip(framed, photos, strict=True)]

    def _scores(self, photos: Sequence[PhotoInput], batch: int) -> list[Framed]:
        if len(self._passes) == 1:
            ((stage, look, _),) = self._passes
            return [
                Framed(scores, photo.samples[look].view)
                for photo, scores in zip(photos, stage.scores(photos, look, batch), strict=True)
            ]
        frames = [self._frame_of(photo) for photo in photos]
        totals: list[Tensor | None] = [None] * len(photos)
        for stage, look, flip in self._passes:
            for index, scores in enumerate(stage.scores(photos, look, batch, flip=flip)):
                photo, total = photos[index], totals[index]
                size = (photo.height, photo.width)
                share = bring(scores.softmax(dim=1), photo.samples[look].view, size, frames[index]) / len(self._passes)
                totals[index] = share if total is None else total.add_(share)
        return [
            Framed(total.clamp_min_(LEAST).log_(), frame)
            for total, frame in zip(totals, frames, strict=True)
            if total is not None
        ]

    def _closer(self, photos: Sequence[PhotoInput], batch: int) -> Sequence[PhotoInput]:
        """The photos, with what closer looks show of them."""
        closer = [(stage, look) for stage in self.stages for look in stage.looks if look.closer]
        if not closer:
            return photos
        stage, look = closer[0]
        scores = stage.scores(photos, look, batch)
        crops = [
            found_crop(scores_LChw, photo.samples[look].view, (photo.height, photo.width))
            for photo, scores_LChw in zip(photos, scores, strict=True)
        ]
        looks = {look for _, look in closer}
        return [
            photo if crop is None else photo.look_closer(looks, crop) for photo, crop in zip(photos, crops, strict=True)
        ]

    def check(self, settings: Settings) -> None:
        """Refuse settings that need what these checkpoints do not know.

        Raises:
            FashionError: parts shall be given back to garments, but there are two label maps, or a checkpoint does not
                know what lies on what; or classes shall give way, and one does not know how large they are.
        """
        if settings.overlap == "parts" and self.spec.layer_of_class != (0,) * len(self.spec.class_ids):
            raise FashionError("overlap=parts is for one label map; with two (layers=2) garments are whole anyway")
        if settings.overlap == "parts" and not self.lies_on:
            raise _older("overlap=parts", "which classes lie on which")
        if settings.post and settings.post.give_way and not self.typical_shares:
            raise _older("give_way", "how large each class is")

    def _by_the_photo(self, framed: Framed, photo: PhotoInput) -> Framed:
        """Scores after the colours and edges of what the photo shows in their view."""
        scores, view = framed
        shown = (sample for sample in photo.samples.values() if sample.view == view)
        image = (next(shown, None) or photo.render(view)).image  # a photo that is looked at closer keeps its picture
        if self._options.dense_crf:
            scores = agree(scores, image, view, self.typical_shares)
        if self._options.guided_filter:
            guide = torch.from_numpy(image).to(scores.device)
            scores = follow_edges(scores, guide, view, (photo.height, photo.width))
        return Framed(scores, view)

    def _frame_of(self, photo: PhotoInput) -> View:
        """Where the average lies: where all looks do, or else on the whole photo, or its crop, without padding."""
        views = {photo.samples[look].view for _, look, _ in self._passes}
        return views.pop() if len(views) == 1 else self._frame.view(photo.height, photo.width, photo.crop)


class Describers:
    """One attribute classifier or several, each looking once or at the mirrored photo, too.

    Args:
        paths: checkpoints that agree on classes and attributes.
        place: where they run, and how precisely.
        options: how they look at photos; scales and aspect are for segmenters alone.

    Attributes:
        spec: the first one's description.
        looks: all ways in which photos are looked at.
        allowed: attributes that each class can have to one of the checkpoints, bool (C, A).

    Raises:
        FashionError: a checkpoint cannot be used, or they do not agree.
    """

    def __init__(self, paths: Sequence[Path], place: Place, options: LookOptions) -> None:
        self.stages = [AttributeStage(path, place) for path in paths]
        specs = [stage.spec for stage in self.stages]
        check_agreement(paths, specs, "class_ids", "attribute_ids")
        self.spec = specs[0]
        self.looks = list(dict.fromkeys(stage.look for stage in self.stages))
        self.allowed = np.logical_or.reduce([stage.allowed for stage in self.stages])
        self._flips = options.flips

    def probabilities(self, found: Sequence[Found]) -> list[npt.NDArray[np.float32]]:
        """Mean probability of each attribute for each garment, float32 (g, A), a photo each."""
        answers = [stage.probabilities(found, flip=flip) for stage in self.stages for flip in self._flips]
        return [np.mean(of_photo, axis=0, dtype=np.float32) for of_photo in zip(*answers, strict=True)]


@cache
def _turns(threads: int) -> BoundedSemaphore:
    """One for the process: more calls at once than there are cores for their threads would hinder one another."""
    return BoundedSemaphore(max(1, core_count() // threads))


def _hosts(specs: Sequence[ModelSpec]) -> tuple[tuple[int, ...], ...]:
    if not all(spec.lies_on for spec in specs):
        return ()
    count = len(specs[0].class_ids)
    return tuple(tuple(_of_half([spec.lies_on[index] for spec in specs], count)) for index in range(count))


def _older(wish: str, knowledge: str) -> FashionError:
    return FashionError(
        f"{wish} needs checkpoints that know {knowledge}, and one of these is older than that; "
        "train anew, or leave it out"
    )


def _typical(specs: Sequence[ModelSpec]) -> tuple[float, ...]:
    if not all(spec.typical_shares for spec in specs):
        return ()
    return tuple(np.mean([spec.typical_shares for spec in specs], axis=0).tolist())


def _of_half(given: Sequence[Sequence[int]], count: int) -> list[int]:
    """The indices below `count` that at least half of the lists have."""
    return [index for index in range(count) if 2 * sum(index in indices for indices in given) >= len(given)]
