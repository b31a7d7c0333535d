"""Training samples of a table, as every benchmark of the loader takes them."""

from __future__ import annotations

import numpy as np

from imatfashion.config.schema import AugmentConfig
from imatfashion.data.annotations import Annotations
from imatfashion.data.dataset import FashionDataset


def training_samples(table: Annotations, resolution: int, photos: int | None = None) -> FashionDataset:
    """Samples in one layer, squashed, with the default augmentation.

    Args:
        table: the annotations.
        resolution: side of a sample, pixels.
        photos: the first so many photos at most; None for all.
    """
    return FashionDataset(
        table,
        np.arange(len(table))[:photos],
        resolution=resolution,
        resize="squash",
        layer_of_class=table.layer_of_class(1),
        augment=AugmentConfig(),
        seed=0,
    )
