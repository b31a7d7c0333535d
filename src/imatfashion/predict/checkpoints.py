"""What checkpoints mean, and what those that work together must have in common."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from imatfashion.data.labels import Labels
from imatfashion.errors import FashionError
from imatfashion.models.spec import ModelSpec

_WORDS = {
    "class_ids": "was trained on other classes",
    "layer_of_class": "has its classes on other label layers",
    "attribute_ids": "was trained on other attributes",
}


def check_agreement(paths: Sequence[Path], specs: Sequence[ModelSpec], *fields: str) -> None:
    """Refuse checkpoints that differ from the first one.

    Args:
        paths: the checkpoints.
        specs: a description each.
        fields: fields of the description that must be equal.

    Raises:
        FashionError: two of them differ.
    """
    for path, spec in zip(paths, specs, strict=True):
        for name in fields:
            if getattr(spec, name) != getattr(specs[0], name):
                raise FashionError(
                    f"{path} {_WORDS[name]} than {paths[0]}; checkpoints that predict together must be of one data set"
                )


def labels_of(spec: ModelSpec) -> tuple[Labels, Labels]:
    """The classes and the attributes that a checkpoint knows."""
    classes = Labels(spec.class_ids, spec.class_names, ("",) * len(spec.class_ids))
    return classes, Labels(spec.attribute_ids, spec.attribute_names, ("",) * len(spec.attribute_ids))
