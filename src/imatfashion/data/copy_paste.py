"""Copy-paste: garments of another training photo, laid over a sample (Ghiasi et al. 2021).

A garment comes with the parts that lie on it (sleeves, pockets), by its own pixels alone: what covers it in its photo
stays there. Owners are edited, so that labels, regions and garments of the sample follow from one map.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from imatfashion.data.annotations import Annotations
from imatfashion.data.decode import ByteArray
from imatfashion.data.lookup import occurring
from imatfashion.data.render import NOBODY, OUTSIDE, OwnerArray
from imatfashion.data.targets import GarmentTargets
from imatfashion.masks.paint import Sampler
from imatfashion.masks.runs import BoolArray
from imatfashion.masks.view import View


class Shown(NamedTuple):
    """What a view shows of a photo.

    Attributes:
        image: RGB, uint8 (h, w, 3).
        owners: int16 (L, h, w), as `paint_owners` makes them.
        targets: those of the photo's garments.
    """

    image: ByteArray
    owners: OwnerArray
    targets: GarmentTargets


_SHARE = 0.5
"""A garment is a part of a larger one that covers at least this share of it, as in `imatfashion.data.overlaps`."""


def paint_masks(annotations: Annotations, photo_index: int, view: View, photo_size: tuple[int, int]) -> BoolArray:
    """The whole mask of each garment of a photo, also where others lie on it.

    Args:
        annotations: the table.
        photo_index: the photo's index in that table.
        view: what to show, in the photo's pixels.
        photo_size: height and width of the photo, pixels.

    Returns:
        bool (n, h, w), in the order of `annotations.garments(photo_index)`.
    """
    height, width = annotations.size(photo_index)
    rows, cols = view.rows(photo_size[0], height), view.cols(photo_size[1], width)
    sampler = Sampler(height, width, rows, cols)
    masks = [sampler.sample(annotations.runs(garment)) for garment in annotations.garments(photo_index)]
    return np.stack(masks) if masks else np.zeros((0, len(rows), len(cols)), dtype=np.bool_)


def parts_of(masks: BoolArray) -> BoolArray:
    """Which garments are parts of which, bool (n, n): [i, j] where i lies mostly on the larger j."""
    # Not -1: a photo without garments has no size to divide.
    flat = masks.reshape(len(masks), masks.shape[1] * masks.shape[2]).astype(np.float32)
    shared = flat @ flat.T
    area = np.diag(shared)
    parts: BoolArray = (area[:, None] < area[None, :]) & (shared >= _SHARE * area[:, None]) & (area[:, None] > 0)
    return parts


def choose(owners: OwnerArray, parts: BoolArray, most: int, rng: np.random.Generator) -> BoolArray:
    """The garments to paste: 1 … `most` visible ones that are no parts, and the parts that lie on them.

    Args:
        owners: int16 (L, h, w), as `paint_owners` makes them.
        parts: as `parts_of` makes them.
        most: most garments, not counting parts.
        rng: where the chance comes from.

    Returns:
        bool (n,); all false where there is none.
    """
    whole = np.flatnonzero(occurring(owners + 2, len(parts) + 2)[2:] & ~parts.any(axis=1))
    chosen = np.zeros(len(parts), dtype=np.bool_)
    if len(whole):
        count = min(int(rng.integers(1, most + 1)), len(whole))
        chosen[rng.choice(whole, count, replace=False)] = True
    grown: BoolArray = chosen | parts[:, chosen].any(axis=1)
    return grown


def paste(shown: Shown, donor: Shown, chosen: BoolArray) -> Shown:
    """Lay garments of one sample over another.

    A pixel is taken where each of its owners, on whichever map, is chosen. It covers what is there on all maps. Nothing
    is pasted outside the photo.

    Args:
        shown: the sample, with n garments.
        donor: the other one, with m.
        chosen: which of its garments, bool (m,).

    Returns:
        A new sample: the pasted garments follow its own, some of which may have no pixel left.
    """
    # Shifted by 2, owners index small tables: outside, nobody, then the garments.
    theirs = donor.owners + 2
    wanted = np.concatenate([[False, False], chosen])[theirs]
    others = (donor.owners >= 0) & ~wanted
    taken = wanted.any(axis=0) & ~others.any(axis=0) & (shown.owners != OUTSIDE).all(axis=0)
    numbers = np.concatenate([[OUTSIDE, NOBODY], len(shown.targets.classes) - 1 + np.cumsum(chosen)])
    mine, added = shown.targets, donor.targets
    return Shown(
        np.where(taken[..., None], donor.image, shown.image),
        np.where(taken, numbers.astype(np.int16)[theirs], shown.owners),
        mine._replace(
            classes=np.concatenate([mine.classes, added.classes[chosen]]),
            attributes=np.concatenate([mine.attributes, added.attributes[chosen]]),
            known=np.concatenate([mine.known, added.known[chosen]]),
        ),
    )
