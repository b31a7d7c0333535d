from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from imatfashion.models.spec import ModelSpec

TINY = "test_resnet.r160_in1k"


@pytest.fixture
def make_spec() -> Callable[..., ModelSpec]:
    """A spec of the smallest network: three classes, two attributes."""

    def make(**changes: Any) -> ModelSpec:
        values: dict[str, Any] = {
            "stage": "classes",
            "backbone": TINY,
            "resolution": 64,
            "mean": (0.5, 0.5, 0.5),
            "std": (0.25, 0.25, 0.25),
            "class_ids": (0, 4, 9),
            "class_names": ("shirt", "pants", "pocket"),
            "attribute_ids": (3, 17),
            "attribute_names": ("striped", "long"),
            "layer_of_class": (0, 0, 1),
            "allowed_pairs": ((0, 1), (1,), ()),
            "component_classes": (2,),
            "decoder_width": 32,
            "embedding": 16,
        }
        return ModelSpec(**{**values, **changes})

    return make
