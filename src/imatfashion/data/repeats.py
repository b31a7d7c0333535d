"""Repeat factor sampling: photos with a rare class come more often (Gupta et al. 2019, LVIS)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from imatfashion.data.annotations import Annotations


def repeat_factors(
    annotations: Annotations, photos: npt.NDArray[np.int64], threshold: float
) -> npt.NDArray[np.float64]:
    """How often each photo is to come for once that a photo without rare classes comes.

    A class that a share f of the photos has counts max(1, sqrt(threshold / f)); a photo counts as the greatest of its
    classes.

    Args:
        annotations: the table.
        photos: which photos, indices into the table, int64 (n,).
        threshold: share of the photos below which a class is rare.

    Returns:
        float64 (n,), at least 1.
    """
    row_of_photo = np.full(len(annotations), -1, dtype=np.int64)
    row_of_photo[photos] = np.arange(len(photos))
    has = np.zeros((len(photos), len(annotations.classes)), dtype=np.bool_)
    rows = row_of_photo[annotations.garment_photo]
    has[rows[rows >= 0], annotations.garment_class[rows >= 0]] = True
    # At least one photo: a class that none has is none's greatest.
    count = np.maximum(1, has.sum(axis=0))
    factor = np.sqrt(np.maximum(1.0, threshold * len(photos) / count))
    factors: npt.NDArray[np.float64] = np.where(has, factor, 1.0).max(axis=1, initial=1.0)
    return factors
