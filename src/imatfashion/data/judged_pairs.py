"""How many pairs of a garment and an attribute each photo has to judge."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from imatfashion.data.annotations import Annotations
from imatfashion.masks.runs import BoolArray


def judged_pairs(truth: Annotations, allowed_CA: BoolArray, *, negative: bool) -> npt.NDArray[np.int64]:
    """Attributes that the known garments of each photo may have.

    Args:
        truth: the true table.
        allowed_CA: whether a class can have an attribute, bool (C, A).
        negative: whether unknown attributes count as "has none".

    Returns:
        int64 (photos,).
    """
    known = np.asarray(truth.garment_known) | negative
    pairs = np.where(known, allowed_CA.sum(axis=1)[np.asarray(truth.garment_class)], 0)
    return np.bincount(np.asarray(truth.garment_photo), weights=pairs, minlength=len(truth)).astype(np.int64)
