"""Fashion parsing: per-pixel garment classes and per-garment attributes, from run-length masks to a submission."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from imatfashion.data.annotations import Annotations as Annotations
    from imatfashion.data.datamodule import FashionDataModule as FashionDataModule
    from imatfashion.predict.predictor import Predictor as Predictor
    from imatfashion.tasks.attributes import AttributeClassifier as AttributeClassifier
    from imatfashion.tasks.classes import ClassSegmenter as ClassSegmenter
    from imatfashion.training.fit import fit as fit

_PLACES = {
    "Annotations": "imatfashion.data.annotations",
    "AttributeClassifier": "imatfashion.tasks.attributes",
    "ClassSegmenter": "imatfashion.tasks.classes",
    "FashionDataModule": "imatfashion.data.datamodule",
    "Predictor": "imatfashion.predict.predictor",
    "fit": "imatfashion.training.fit",
}
__all__ = ["Annotations", "AttributeClassifier", "ClassSegmenter", "FashionDataModule", "Predictor", "fit"]


def __getattr__(name: str) -> Any:
    # Imported when first asked for (PEP 562), so that `--help` waits for no torch.
    if name in _PLACES:
        return getattr(importlib.import_module(_PLACES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
