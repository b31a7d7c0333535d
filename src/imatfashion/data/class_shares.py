"""How much of the photos each class covers, and of a photo that has it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from imatfashion.data.annotations import Annotations


def class_shares(annotations: Annotations, photos: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Mean share of a photo's pixels that the garments of each class have, as annotated; no mask is decoded.

    Where garments lie on one another, both count.

    Args:
        annotations: the table.
        photos: which photos, indices into the table.

    Returns:
        float64 (C,); 0 for a class that none of them has.
    """
    chosen = np.isin(annotations.garment_photo, photos)
    parts = annotations.grid_shares()[chosen]
    total = np.bincount(annotations.garment_class[chosen], parts, minlength=len(annotations.classes))
    return total / max(1, len(photos))


def typical_shares(annotations: Annotations, photos: npt.NDArray[np.int64]) -> tuple[float, ...]:
    """Median share of a photo's pixels that a class's garments have together, over the photos that have it.

    Args:
        annotations: the table.
        photos: which photos, indices into the table.

    Returns:
        A share of at most 1 for each class; 0 for a class that none of them has.
    """
    classes = len(annotations.classes)
    chosen = np.isin(annotations.garment_photo, photos)
    place = annotations.garment_photo[chosen].astype(np.int64) * classes + annotations.garment_class[chosen]
    pairs, pair = np.unique(place, return_inverse=True)
    shares = np.bincount(pair, annotations.grid_shares()[chosen], minlength=len(pairs))
    of_class = [shares[pairs % classes == index] for index in range(classes)]
    return tuple(min(1.0, float(np.median(found))) if len(found) else 0.0 for found in of_class)
