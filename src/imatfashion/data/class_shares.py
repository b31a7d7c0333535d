"""How much of the photos each class covers."""

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
