"""The two networks as prediction uses them: class scores for photos, attribute probabilities for their garments."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from imatfashion.data.crop import crop_around
from imatfashion.masks.box import box_of_runs
from imatfashion.models.checkpoint import load_network
from imatfashion.models.normalise import Normalise
from imatfashion.predict.device import Place
from imatfashion.predict.inputs import PhotoInput, Sample
from imatfashion.predict.looks import Look, LookOptions
from imatfashion.predict.regions import Found, batches, regions_of

CPU_BATCH = 2
"""Photos at once on a processor: more leave its caches, and cost up to half as much again each."""


class Stage:
    """A network with what its checkpoint says about it.

    Args:
        path: the checkpoint.
        stage: `classes` or `attributes`, which the checkpoint must be of.
        place: where it runs, and how precisely.

    Raises:
        FashionError: the checkpoint cannot be used, or is of the other stage.
    """

    def __init__(self, path: Path, stage: str, place: Place) -> None:
        self.path = path
        self.spec, network = load_network(path, stage=stage)
        self.place, self.device = place, place.device
        # channels_last made a U-Net several times faster on processors, and tensor cores want it.
        self.network: nn.Module = network.to(place.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._normalise = Normalise(self.spec).to(self.device)

    def images(self, samples: Sequence[Sample], *, flip: bool = False) -> Tensor:
        """Normalised photos, mirrored with `flip`, float32 (B, 3, h, w), on the device."""
        image_BHWC = torch.from_numpy(np.stack([sample.image for sample in samples])).to(self.device)
        image_BCHW = image_BHWC.permute(0, 3, 1, 2)
        normalised: Tensor = self._normalise(image_BCHW.flip(-1) if flip else image_BCHW)
        return normalised.contiguous(memory_format=torch.channels_last)


class ClassStage(Stage):
    """The class segmenter of a checkpoint, and the sizes that it looks at.

    Args:
        path: the checkpoint.
        place: where it runs, and how precisely.
        options: how it looks at photos.
    """

    def __init__(self, path: Path, place: Place, options: LookOptions) -> None:
        super().__init__(path, "classes", place)
        looks = [Look.of(self.spec, scale=scale, own_aspect=options.own_aspect) for scale in options.scales]
        self.looks = list(dict.fromkeys(looks))

    @torch.inference_mode()
    def scores(self, photos: Sequence[PhotoInput], look: Look, batch: int, *, flip: bool = False) -> list[Tensor]:
        """Scores before softmax, float32 (L, C + 1, h, w), on the device, a photo each; upright with `flip`, too.

        The network always sees as many photos at once, the last one repeated where there are fewer: libraries choose
        their algorithms by the size of the batch, and a prediction that goes on after a kill shall not differ in the
        last bit from one in a single go. For the same reason photos in their own aspect are seen one by one.
        """
        size = 1 if look.resize == "own" else batch
        samples = [photo.samples[look] for photo in photos]
        groups = [samples[first : first + size] for first in range(0, len(samples), size)]
        return [scores for group in groups for scores in self._scores(group, size, flip)]

    def _scores(self, samples: Sequence[Sample], size: int, flip: bool) -> Tensor:
        filled = [*samples, *[samples[-1]] * (size - len(samples))]
        with self.place.autocast():
            scores_BLChw: Tensor = self.network(self.images(filled, flip=flip))
        scores_BLChw = scores_BLChw.flip(-1) if flip else scores_BLChw
        return scores_BLChw[: len(samples)].float()


class AttributeStage(Stage):
    """The attribute classifier of a checkpoint.

    Args:
        path: the checkpoint.
        place: where it runs, and how precisely.
    """

    def __init__(self, path: Path, place: Place) -> None:
        super().__init__(path, "attributes", place)
        self.look = Look.of(self.spec)
        self.allowed = np.zeros((len(self.spec.class_ids), len(self.spec.attribute_ids)), dtype=np.bool_)
        for class_index, attributes in enumerate(self.spec.allowed_pairs):
            self.allowed[class_index, list(attributes)] = True

    @torch.inference_mode()
    def probabilities(self, found: Sequence[Found], *, flip: bool = False) -> list[npt.NDArray[np.float32]]:
        """Probability of each attribute for each garment, float32 (g, A), a photo each.

        A garment that no pixel of the network's view shows has probability 0 of every attribute.
        """
        out = [np.zeros((len(photo.garments), len(self.spec.attribute_ids)), dtype=np.float32) for photo in found]
        for batch in batches([index for index, photo in enumerate(found) if photo.garments], found):
            self._fill([found[index] for index in batch], [out[index] for index in batch], flip)
        return out

    def _fill(self, found: Sequence[Found], out: Sequence[npt.NDArray[np.float32]], flip: bool) -> None:
        samples = [self._sample(photo) for photo in found]
        painted = [regions_of(photo, sample.view, self.spec) for photo, sample in zip(found, samples, strict=True)]
        regions, visible = zip(*painted, strict=True)
        first = np.cumsum([0, *map(len, visible)])
        shifted = [np.where(region >= 0, region + start, -1) for region, start in zip(regions, first[:-1], strict=True)]
        classes = [photo.garments[g].class_index for photo, seen in zip(found, visible, strict=True) for g in seen]
        owner = np.repeat(np.arange(len(found)), [len(seen) for seen in visible])
        if not classes:
            return
        regions_BLhw = torch.from_numpy(np.stack(shifted).astype(np.int16)).to(self.device)
        with self.place.autocast():
            logits_GA: Tensor = self.network(
                self.images(samples, flip=flip),
                regions_BLhw.flip(-1) if flip else regions_BLhw,
                torch.from_numpy(owner).to(self.device),
                torch.tensor(classes, dtype=torch.int64, device=self.device),
            )
        probabilities = logits_GA.float().sigmoid().cpu().numpy()
        for rows, seen, start in zip(out, visible, first[:-1], strict=True):
            rows[seen] = probabilities[start : start + len(seen)]

    def _sample(self, found: Found) -> Sample:
        """What the network sees of a photo: all of it, or the part that its garments are in, as in training."""
        photo, grid = found.input, found.grid
        box = box_of_runs((garment.runs for garment in found.garments), grid) if self.look.closer else None
        if box is None:
            return photo.samples[self.look]
        crop = crop_around(box, grid, (photo.height, photo.width))
        return photo.render(self.look.view(photo.height, photo.width, crop))
