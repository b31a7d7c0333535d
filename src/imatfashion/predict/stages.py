"""The two networks as prediction uses them: class scores for photos, attribute probabilities for their garments."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from imatfashion.data.labels import Labels
from imatfashion.errors import FashionError
from imatfashion.models.checkpoint import load_network
from imatfashion.models.spec import ModelSpec
from imatfashion.predict.inputs import Sample
from imatfashion.predict.regions import Found, batches, regions_of


class Stage:
    """A network with what its checkpoint says about it.

    Args:
        path: the checkpoint.
        stage: `classes` or `attributes`, which the checkpoint must be of.
        device: where it runs.

    Raises:
        FashionError: the checkpoint cannot be used, or is of the other stage.
    """

    def __init__(self, path: Path, stage: str, device: torch.device) -> None:
        self.spec, network = load_network(path, stage=stage)
        self.device = device
        # channels_last made a U-Net several times faster on processors, and tensor cores want it.
        self.network: nn.Module = network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._mean = torch.tensor(self.spec.mean, device=device).view(1, 3, 1, 1) * 255
        self._std = torch.tensor(self.spec.std, device=device).view(1, 3, 1, 1) * 255

    def images(self, samples: Sequence[Sample]) -> Tensor:
        """Normalised photos, float32 (B, 3, h, w), on the device."""
        image_BHWC = torch.from_numpy(np.stack([sample.image for sample in samples])).to(self.device)
        image_BCHW = image_BHWC.permute(0, 3, 1, 2).float()
        return ((image_BCHW - self._mean) / self._std).contiguous(memory_format=torch.channels_last)


class ClassStage(Stage):
    """The class segmenter of a checkpoint."""

    def __init__(self, path: Path, device: torch.device) -> None:
        super().__init__(path, "classes", device)

    @torch.inference_mode()
    def scores(self, samples: Sequence[Sample], batch: int) -> Tensor:
        """Scores before softmax, float32 (B, L, C + 1, h, w), on the device.

        The batch is filled up to `batch` photos: libraries choose their algorithms by the size of the batch, and a
        prediction that goes on after a kill shall not differ in the last bit from one in a single go.
        """
        filled = [*samples, *[samples[-1]] * (batch - len(samples))]
        scores_BLChw: Tensor = self.network(self.images(filled))
        return scores_BLChw[: len(samples)].float()


class AttributeStage(Stage):
    """The attribute classifier of a checkpoint.

    Args:
        path: the checkpoint.
        device: where it runs.
        classes: the segmenter's description, whose classes it must know.
    """

    def __init__(self, path: Path, device: torch.device, classes: ModelSpec) -> None:
        super().__init__(path, "attributes", device)
        if self.spec.class_ids != classes.class_ids:
            raise FashionError(
                f"the attribute checkpoint {path} was trained on other classes ({len(self.spec.class_ids)}) than the "
                f"class checkpoint ({len(classes.class_ids)}); give two of the same data set"
            )
        self.allowed = np.zeros((len(self.spec.class_ids), len(self.spec.attribute_ids)), dtype=np.bool_)
        for class_index, attributes in enumerate(self.spec.allowed_pairs):
            self.allowed[class_index, list(attributes)] = True

    @torch.inference_mode()
    def probabilities(self, found: Sequence[Found]) -> list[npt.NDArray[np.float32]]:
        """Probability of each attribute for each garment, float32 (g, A), a photo each.

        A garment that no pixel of the network's view shows has probability 0 of every attribute.
        """
        out = [np.zeros((len(photo.garments), len(self.spec.attribute_ids)), dtype=np.float32) for photo in found]
        for batch in batches([index for index, photo in enumerate(found) if photo.garments], found):
            self._fill([found[index] for index in batch], [out[index] for index in batch])
        return out

    def _fill(self, found: Sequence[Found], out: Sequence[npt.NDArray[np.float32]]) -> None:
        regions, visible = zip(*(regions_of(photo, self.spec) for photo in found), strict=True)
        first = np.cumsum([0, *map(len, visible)])
        shifted = [np.where(region >= 0, region + start, -1) for region, start in zip(regions, first[:-1], strict=True)]
        classes = [photo.garments[g].class_index for photo, seen in zip(found, visible, strict=True) for g in seen]
        owner = np.repeat(np.arange(len(found)), [len(seen) for seen in visible])
        if not classes:
            return
        logits_GA: Tensor = self.network(
            self.images([photo.sample for photo in found]),
            torch.from_numpy(np.stack(shifted).astype(np.int16)).to(self.device),
            torch.from_numpy(owner).to(self.device),
            torch.tensor(classes, dtype=torch.int64, device=self.device),
        )
        probabilities = logits_GA.float().sigmoid().cpu().numpy()
        for rows, seen, start in zip(out, visible, first[:-1], strict=True):
            rows[seen] = probabilities[start : start + len(seen)]


def labels_of(spec: ModelSpec) -> tuple[Labels, Labels]:
    """The classes and the attributes that a checkpoint knows."""
    classes = Labels(spec.class_ids, spec.class_names, ("",) * len(spec.class_ids))
    return classes, Labels(spec.attribute_ids, spec.attribute_names, ("",) * len(spec.attribute_ids))
