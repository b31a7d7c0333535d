"""A photo and its garments as the tensors of one sample."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch.utils.data import Dataset

from imatfashion.config.schema import AugmentConfig
from imatfashion.config.size import sample_size
from imatfashion.data.annotations import Annotations
from imatfashion.data.augment import Augmenter
from imatfashion.data.collate import Sample
from imatfashion.data.copy_paste import Shown, choose, paint_masks, parts_of, paste
from imatfashion.data.crop import garments_crop
from imatfashion.data.decode import ByteArray
from imatfashion.data.photo_source import open_photos
from imatfashion.data.photos import PhotoError
from imatfashion.data.render import OUTSIDE, PADDING, maps_of_owners, num_layers, paint_owners, render
from imatfashion.data.targets import GarmentTargets, TargetSource
from imatfashion.data.views import plain_view, training_view
from imatfashion.masks.box import Box
from imatfashion.masks.view import View

_logger = logging.getLogger(__name__)
_WHOLE = 0.1
"""Share of training samples that show the whole photo all the same: at it prediction looks first."""


class FashionDataset(Dataset[Sample]):
    """Samples of a choice of photos; it pickles as two paths and an array.

    Args:
        annotations: the table whose garments are trained on.
        indices: photos of the true table, int64 (n,).
        truth: the true table, if `annotations` is a predicted one: photos, sizes and attributes come from it.
        resolution: side of a sample, pixels.
        resize: `squash` or `pad`.
        crop: what a sample shows: the whole `photo`, or the part that its `garments` are in.
        aspect: height of a sample divided by its width.
        layer_of_class: label map of each class.
        augment: random changes; None for none.
        seed: of the random changes, with epoch and index: any process makes the same sample of the same three.
        unlabelled_attributes: `ignore` or `negative`: what a garment has whose attributes the source leaves open.
        repeats: weight of each photo as a source of pasted garments, float (n,); None for all alike.

    Raises:
        FashionError: the table has no photos beside it.
    """

    def __init__(
        self,
        annotations: Annotations,
        indices: npt.NDArray[np.int64],
        *,
        truth: Annotations | None = None,
        resolution: int,
        resize: str,
        crop: str = "photo",
        aspect: float = 1.0,
        layer_of_class: Sequence[int],
        augment: AugmentConfig | None,
        seed: int,
        unlabelled_attributes: str = "ignore",
        repeats: npt.NDArray[np.float64] | None = None,
    ) -> None:
        self.annotations = annotations
        self.truth = truth or annotations
        self.indices = np.asarray(indices, dtype=np.int64)
        self.resolution, self.resize, self.seed = resolution, resize, seed
        self.crop, self.aspect = crop, aspect
        self.layer_of_class = tuple(layer_of_class)
        self.augment = augment
        self.repeats = repeats
        self.targets = TargetSource(annotations, self.truth, negative=unlabelled_attributes == "negative")
        self.broken: set[int] = set()
        """Photos that this process could not read."""
        self.photos = open_photos(self.truth)

    def __len__(self) -> int:
        return len(self.indices)

    def __getstate__(self) -> dict[str, Any]:
        # A loader process makes its own augmenter and remembers its own broken photos.
        return {**{k: v for k, v in self.__dict__.items() if k != "_augmenter"}, "broken": set()}

    def __getitem__(self, key: int | tuple[int, int]) -> Sample:
        """A sample.

        Args:
            key: (epoch, index), or the index alone for epoch 0; an index from n on is the same photo changed otherwise.

        Returns:
            The tensors that `collate` takes; a photo that cannot be read gives grey, ignored pixels and no garments.
        """
        epoch, index = key if isinstance(key, tuple) else (0, key)
        photo = int(self.indices[index % len(self)])
        seed = (self.seed, epoch, index)
        shown = self._shown(photo, self._view(photo, np.random.default_rng(seed)))
        if shown is None:
            return self._blank(photo)
        if self.augment is not None:
            if self.augment.copy_paste:
                shown = self._pasted(shown, index, self.augment, np.random.default_rng((*seed, 2)))
            image, owners = self._augmenter(shown.image, shown.owners, (*seed, 1))
            shown = Shown(image, owners, shown.targets)
        return self._sample(*shown, photo)

    @cached_property
    def _augmenter(self) -> Augmenter:
        assert self.augment is not None
        return Augmenter(self.augment)

    def _shown(self, photo: int, view: View) -> Shown | None:
        """What a view shows of a photo; None for one that cannot be read."""
        try:
            image = render(self.photos.load(photo), self.truth.size(photo), view)
        except PhotoError as error:
            self._report(photo, error)
            return None
        targets = self.targets.of_photo(photo)
        return Shown(image, self._owners(targets, photo, view), targets)

    def _pasted(self, shown: Shown, index: int, augment: AugmentConfig, rng: np.random.Generator) -> Shown:
        """The sample, perhaps with garments of another photo over it."""
        if rng.random() >= augment.copy_paste or len(self) < 2:
            return shown
        photo = int(self.indices[self._other(index % len(self), rng)])
        view = self._view(photo, rng)
        donor = self._shown(photo, view)
        if donor is None or donor.targets.table_photo is None:
            return shown
        masks = paint_masks(self.annotations, donor.targets.table_photo, view, self.truth.size(photo))
        return paste(shown, donor, choose(donor.owners, parts_of(masks), augment.paste_most, rng))

    def _other(self, index: int, rng: np.random.Generator) -> int:
        """Another photo, to take garments from."""
        if self.repeats is None:
            return int((index + rng.integers(1, len(self))) % len(self))
        sums, own = self._repeats_up_to, self.repeats[index]
        place = rng.random() * (sums[-1] - own)
        # The photo's own stretch of the sums is left out.
        place += own if place >= sums[index] - own else 0.0
        return min(int(np.searchsorted(sums, place, side="right")), len(self) - 1)

    @cached_property
    def _repeats_up_to(self) -> npt.NDArray[np.float64]:
        """Sums of `repeats` up to each photo and itself: one search a sample, however many photos there are."""
        assert self.repeats is not None
        return np.cumsum(self.repeats)

    def _view(self, photo: int, rng: np.random.Generator) -> View:
        shape = (*self.truth.size(photo), self.resolution, self.resize)
        if self.augment is None:
            return plain_view(*shape, self._crop(photo), self.aspect)
        # Drawn only where it is asked for: the samples of whole photos stay those that they were.
        crop = self._crop(photo) if self.crop == "garments" and rng.random() >= _WHOLE else None
        return training_view(*shape, augment=self.augment, rng=rng, crop=crop, aspect=self.aspect)

    def _crop(self, photo: int) -> Box | None:
        if self.crop == "photo":
            return None
        size = self.truth.size(photo)
        index = photo if self.annotations is self.truth else self.annotations.find(self.truth.name(photo))
        return None if index is None else garments_crop(self.annotations, index, size)

    def _owners(self, targets: GarmentTargets, photo: int, view: View) -> npt.NDArray[np.int16]:
        if targets.table_photo is None:
            return self._nobody(-1)
        return paint_owners(self.annotations, targets.table_photo, view, self.truth.size(photo), self.layer_of_class)

    @property
    def _size(self) -> tuple[int, int]:
        return sample_size(self.resolution, self.aspect)

    def _nobody(self, owner: int) -> npt.NDArray[np.int16]:
        layers = num_layers(self.layer_of_class)
        return np.full((layers, *self._size), owner, dtype=np.int16)

    def _blank(self, photo: int) -> Sample:
        image = np.full((*self._size, 3), PADDING, dtype=np.uint8)
        return self._sample(image, self._nobody(OUTSIDE), self.targets.none(), photo)

    def _sample(self, image: ByteArray, owners: npt.NDArray[np.int16], targets: GarmentTargets, photo: int) -> Sample:
        labels, regions, shown = maps_of_owners(owners, targets.classes, len(self.annotations.classes))
        return Sample(
            image=torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1))),
            labels=torch.from_numpy(labels),
            regions=torch.from_numpy(regions),
            garment_class=torch.from_numpy(targets.classes[shown]),
            garment_attributes=torch.from_numpy(targets.attributes[shown]),
            garment_known=torch.from_numpy(targets.known[shown]),
            missed_attributes=torch.from_numpy(targets.missed_attributes),
            photo=torch.tensor(photo),
        )

    def _report(self, photo: int, error: PhotoError) -> None:
        if photo not in self.broken:
            self.broken.add(photo)
            _logger.warning("%s It is left out from now on (%d such photos so far).", error, len(self.broken))
