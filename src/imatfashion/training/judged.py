"""Whether the validation photos hold anything that the monitored figure can judge."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from imatfashion.data.datamodule import FashionDataModule
from imatfashion.errors import FashionError
from imatfashion.tasks.attributes import AttributeClassifier
from imatfashion.tasks.classes import ClassSegmenter

if TYPE_CHECKING:
    from imatfashion.training.trainer import Run


def check_judged(run: Run) -> None:
    """Refuse a split whose validation cannot give the monitored figure, before anything is written.

    A run that is resumed goes on, as its split cannot change. What only decoding shows, such as garments too small for
    the resolution, is not looked for: such a run has no score.

    Raises:
        FashionError: no validation photo has a garment, or none with known attributes.
    """
    wanted = {ClassSegmenter.monitor: "a garment", AttributeClassifier.monitor: "a garment with known attributes"}
    what = wanted.get(run.task.monitor)
    if what is None or run.config.resume or _has_judged(run.data, run.task.monitor):
        return
    raise FashionError(
        f"none of the {len(run.data.val_indices)} validation photos has {what}, so there would be no "
        f"{run.task.monitor}: give another split (seed=, data.split_file= or data.val_fraction=)"
    )


def _has_judged(data: FashionDataModule, monitor: str) -> bool:
    """Whether the true garments of the validation photos have what gives the figure."""
    mine = np.isin(data.truth.garment_photo, data.val_indices)
    if monitor == AttributeClassifier.monitor:
        # Without a single positive no attribute has an average precision.
        known = data.truth.garment_known | (data.config.unlabelled_attributes == "negative")
        mine &= known & data.truth.garment_attributes.any(axis=1)
    return bool(mine.any())
