"""wandb's own overlays: a photo with masks that can be switched on and off, the class named under the pointer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pytorch_lightning as pl

from imatfashion.training.loggers import log_masks
from imatfashion.training.seen import Picture, Seen

_NOT_JUDGED = 255
_LAYERS = ("", "_parts")


@dataclass(frozen=True)
class MaskPanel:
    """Photos with their label maps, as wandb takes them.

    Attributes:
        photos: uint8 (H, W, 3) each.
        masks: of each photo, from a mask's name to its `mask_data`, uint8 (H, W), and `class_labels`.
        captions: a line below each photo; none for the class segmenter.
    """

    photos: list[Picture] = field(default_factory=list)
    masks: list[dict[str, dict[str, Any]]] = field(default_factory=list)
    captions: list[str | None] = field(default_factory=list)


class MaskOverlays:
    """Shows the overlays of some photos on wandb, as `val/masks`.

    A photo and each of its masks is a file, which wandb keeps: so not every epoch's are shown, but always the last's.

    Args:
        epochs: of the whole run.
        shown: epochs whose overlays are shown at most.
    """

    def __init__(self, epochs: int, shown: int) -> None:
        self.last = epochs - 1
        self.every = -(-epochs // shown)

    def show(self, seen: Seen, trainer: pl.Trainer) -> None:
        """Show them where it is their turn."""
        if (self.last - trainer.current_epoch) % self.every == 0:
            log_masks(trainer.loggers, "val/masks", mask_panel(seen), trainer.global_step)


def mask_panel(seen: Seen) -> MaskPanel:
    """The overlays of photos: truth and prediction of the class segmenter; the attribute classifier's garments."""
    names = dict(enumerate(seen.class_names)) | {len(seen.class_names): "background", _NOT_JUDGED: "not judged"}
    if seen.predicted is None:
        return MaskPanel(seen.photos, [_masks("garments", truth, names) for truth in seen.truth], list(seen.captions))
    masks = [
        _masks("truth", truth, names) | _masks("prediction", guess, names)
        for truth, guess in zip(seen.truth, seen.predicted, strict=True)
    ]
    return MaskPanel(seen.photos, masks, [None] * len(seen.photos))


def masks_a_photo(stage: str, layers: int) -> int:
    """How many masks `mask_panel` makes of a photo."""
    return layers * (2 if stage == "classes" else 1)


def _masks(name: str, labels_LHW: npt.NDArray[np.integer], names: dict[int, str]) -> dict[str, dict[str, Any]]:
    return {
        f"{name}{suffix}": {"mask_data": labels.astype(np.uint8), "class_labels": names}
        for suffix, labels in zip(_LAYERS, labels_LHW, strict=False)
    }
