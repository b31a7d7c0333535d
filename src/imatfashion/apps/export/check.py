"""Exported files beside the networks that they came from, on photos.

Shape suffixes: B photos, L label layers, G garments, C classes, A attributes, H × W pixels.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import torch

from imatfashion.apps.export.onnx_file import Exported
from imatfashion.data.render import render_image
from imatfashion.data.views import plain_view
from imatfashion.models.normalise import Normalise
from imatfashion.models.spec import ModelSpec

LIMIT = 1e-4
"""Largest difference of a probability that is taken for rounding."""
_BATCHES = (1, 4, 2)
"""Photos at once, in turn: the files take any number."""

ByteArray = npt.NDArray[np.uint8]


@dataclass
class Difference:
    """How far a file is from its network.

    Attributes:
        largest: largest difference of a probability; NaN where one of the two has NaN.
        photos: photos compared.
        garments: garments compared, of an attribute classifier.
        pixels: pixels compared (each layer's), of a segmenter.
        other: pixels whose most probable class is another.
    """

    largest: float = 0.0
    photos: int = 0
    garments: int = 0
    pixels: int = 0
    other: int = 0

    def add(self, ours: npt.NDArray[np.float32], theirs: npt.NDArray[np.float32]) -> None:
        """Take in probabilities of the same things."""
        # numpy's maximum keeps NaN, Python's does not.
        self.largest = float(np.maximum(self.largest, np.abs(ours - theirs).max(initial=0)))

    def __str__(self) -> str:
        if self.garments:
            return f"{self.garments} garments of {self.photos} photos, largest difference {self.largest:.1e}"
        same = f"{self.other} of {self.pixels:,} pixels with another class"
        return f"{self.photos} photos, largest difference {self.largest:.1e}, {same}"


@torch.inference_mode()
def compare(photos: Iterable[ByteArray], classes: Exported, attributes: Exported | None) -> list[Difference]:
    """Run the files and the networks over photos.

    Args:
        photos: RGB, uint8 (H, W, 3) of any sizes.
        classes: the segmenter.
        attributes: the attribute classifier, None without.

    Returns:
        A difference of each file.
    """
    found = [Difference(), Difference()]
    files = [session(file.data) if file else None for file in (classes, attributes)]
    for part in _parts(photos):
        labels_BLHW = _compare_classes(part, classes, files[0], found[0])
        if attributes is not None:
            _compare_attributes(part, labels_BLHW, attributes, files[1], found[1])
    return found if attributes else found[:1]


def session(data: bytes | Path, threads: int = 0) -> Any:
    """An onnxruntime session of a file on the processor; `threads` 0 for one a core."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3  # errors alone: its warnings are about its own choices
    source = data if isinstance(data, bytes) else str(data)
    return onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])


def _parts(photos: Iterable[ByteArray]) -> Iterator[list[ByteArray]]:
    rest = iter(photos)
    for count in cycle(_BATCHES):
        if not (part := list(islice(rest, count))):
            return
        yield part


def seen_by(spec: ModelSpec, photos: Sequence[ByteArray]) -> ByteArray:
    """The photos as a network sees them, uint8 (B, H, W, 3)."""
    return np.stack([_seen(spec, photo) for photo in photos])


def _seen(spec: ModelSpec, photo: ByteArray) -> ByteArray:
    height, width = photo.shape[:2]
    view = plain_view(height, width, spec.resolution, spec.resize, aspect=spec.aspect)
    return render_image(photo, (height, width), view)


def _compare_classes(
    photos: Sequence[ByteArray], classes: Exported, file: Any, found: Difference
) -> npt.NDArray[np.uint8]:
    """Compare, and return the network's own labels, uint8 (B, L, H, W)."""
    image = seen_by(classes.spec, photos)
    expected = classes.network(Normalise(classes.spec)(torch.from_numpy(image).permute(0, 3, 1, 2))).softmax(2).numpy()
    (probabilities,) = file.run(None, {"image": image})
    found.add(probabilities, expected)
    labels: npt.NDArray[np.uint8] = expected.argmax(2).astype(np.uint8)
    found.photos += len(photos)
    found.pixels += labels.size
    found.other += int((probabilities.argmax(2) != labels).sum())
    return labels


def _compare_attributes(
    photos: Sequence[ByteArray], labels_BLHW: npt.NDArray[np.uint8], attributes: Exported, file: Any, found: Difference
) -> None:
    image = seen_by(attributes.spec, photos)
    regions_BLHW, owner, kinds = regions_of_labels(labels_BLHW, attributes.spec)
    expected = attributes.network(
        Normalise(attributes.spec)(torch.from_numpy(image).permute(0, 3, 1, 2)),
        torch.from_numpy(regions_BLHW),
        torch.from_numpy(owner),
        torch.from_numpy(kinds),
    ).sigmoid()
    masks = (regions_BLHW[owner] == np.arange(len(owner))[:, None, None, None]).any(axis=1)
    inputs = {"image": image, "masks": masks, "garment_photo": owner, "garment_class": kinds}
    found.add(file.run(None, inputs)[0], expected.numpy())
    found.photos += len(photos)
    found.garments += len(owner)


def regions_of_labels(
    labels_BLHW: npt.NDArray[np.uint8], spec: ModelSpec
) -> tuple[npt.NDArray[np.int16], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Garments of label maps, one of each class, at the attribute network's size.

    The map is taken as it is, also where the two networks differ in `resize`: here it only has to be like real ones.

    Returns:
        regions int16 (B, L, H, W), index of the garment, −1 for none; photo and class of each garment, int64 (G,). A
        photo without garments has one that fills it, of class 0, so that there is something to compare.
    """
    (height, width), background = spec.size, len(spec.class_ids)
    regions = np.full((*labels_BLHW.shape[:2], height, width), -1, dtype=np.int16)
    owner: list[int] = []
    kinds: list[int] = []
    for photo, labels_LHW in enumerate(labels_BLHW):
        sized = np.stack([cv2.resize(map_, (width, height), interpolation=cv2.INTER_NEAREST) for map_ in labels_LHW])
        if (sized == background).all():
            sized[0] = 0
        for layer, map_HW in enumerate(sized):
            for kind in np.unique(map_HW[map_HW < background]).tolist():
                regions[photo, layer][map_HW == kind] = len(owner)
                owner.append(photo)
                kinds.append(kind)
    return regions, np.array(owner, dtype=np.int64), np.array(kinds, dtype=np.int64)
