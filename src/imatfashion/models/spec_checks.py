"""Checks of a model description: types field by field, then what must agree with what."""

from __future__ import annotations

import math
import typing
from collections.abc import Iterator, Sequence
from types import GenericAlias
from typing import TYPE_CHECKING, Any

from imatfashion.errors import FashionError

if TYPE_CHECKING:
    from imatfashion.models.spec import ModelSpec

_LATER = {"lies_on", "aspect", "crop", "typical_shares"}
"""Fields that were added to the format: checkpoints without them mean their defaults."""
_LARGEST = 4096
"""Largest resolution and width: a network is built before its weights can be compared, and takes memory for each."""
_MOST_CLASSES = 254
"""As `imatfashion.data.labels`: label maps are uint8."""
_LARGEST_ID = 2**31 - 1
_CHOICES = {
    "stage": ("classes", "attributes"),
    "resize": ("squash", "pad"),
    "pooling": ("garment", "image"),
    "crop": ("photo", "garments"),
}


def read_fields(cls: type[ModelSpec], values: dict[str, Any]) -> dict[str, Any]:
    """Bring JSON values to the fields' types; one of `_LATER` may be missing.

    Raises:
        FashionError: a field is missing, unknown or of another type.
    """
    types = typing.get_type_hints(cls)
    unknown, missing = sorted(values.keys() - types.keys()), sorted(types.keys() - values.keys() - _LATER)
    if unknown or missing:
        raise FashionError(
            f"the model description does not fit format version {values['version']}: "
            f"missing {', '.join(missing) or 'nothing'}, unknown {', '.join(unknown) or 'nothing'}"
        )
    return {name: _convert(name, values[name], types[name]) for name in types if name in values}


def _convert(name: str, value: object, wanted: Any) -> Any:
    if isinstance(wanted, GenericAlias) and isinstance(value, list):
        return tuple(_convert(name, item, wanted.__args__[0]) for item in value)
    if wanted is float and type(value) is int:
        return float(value)
    if type(value) is not wanted:  # not isinstance: True is no number here
        raise FashionError(f"{name}={str(value)[:40]!r} in the model description is not of type {wanted}")
    return value


def check_spec(spec: ModelSpec) -> None:
    """Refuse a description that no network can have.

    Raises:
        FashionError: the first contradiction found.
    """
    for name, choices in _CHOICES.items():
        if getattr(spec, name) not in choices:
            raise FashionError(f"{name}={getattr(spec, name)!r} in the model description is none of {choices}")
    for sentence in _contradictions(spec):
        raise FashionError(f"the model description contradicts itself: {sentence}")


def _contradictions(spec: ModelSpec) -> Iterator[str]:
    classes, attributes = len(spec.class_ids), len(spec.attribute_ids)
    if not 1 <= classes <= _MOST_CLASSES:
        yield f"it has {classes or 'no'} classes, not 1 to {_MOST_CLASSES}"
    if spec.stage == "attributes" and not attributes:
        yield "an attribute classifier without attributes"
    for name, length in {
        "mean": 3,
        "std": 3,
        "class_names": classes,
        "layer_of_class": classes,
        "allowed_pairs": classes,
        "attribute_names": attributes,
    }.items():
        if len(getattr(spec, name)) != length:
            yield f"{name} has {len(getattr(spec, name))} entries, not {length}"
    for name in ("lies_on", "typical_shares"):
        if getattr(spec, name) and len(getattr(spec, name)) != classes:
            yield f"{name} has {len(getattr(spec, name))} entries, not {classes}"
    if not all(0 <= share <= 1 for share in spec.typical_shares):
        yield f"typical_shares={spec.typical_shares} must lie between 0 and 1"
    for name in ("resolution", "decoder_width", "decoder_floor", "embedding"):
        if not 0 < getattr(spec, name) <= _LARGEST:
            yield f"{name}={getattr(spec, name)} must be above 0 and at most {_LARGEST}"
    if not 0.25 <= spec.aspect <= 4 or (spec.aspect != 1 and spec.resize != "squash"):
        yield f"aspect={spec.aspect} must lie between 0.25 and 4, and be 1 with resize=pad"
    if not all(map(math.isfinite, spec.mean)) or not all(0 < value < math.inf for value in spec.std):
        yield f"mean={spec.mean} and std={spec.std} normalise nothing"
    if not 0 <= spec.dropout < 1:
        yield f"dropout={spec.dropout} must lie in [0, 1)"
    if not all(name.isprintable() for name in (*spec.class_names, *spec.attribute_names)):
        yield "a name has characters that cannot be printed"
    yield from _indices(spec, classes, attributes)


def _indices(spec: ModelSpec, classes: int, attributes: int) -> Iterator[str]:
    for name, ids in (("class_ids", spec.class_ids), ("attribute_ids", spec.attribute_ids)):
        if len(set(ids)) != len(ids):
            yield f"{name} has an id twice"
        if not all(0 <= label_id <= _LARGEST_ID for label_id in ids):
            yield f"{name} has an id that is none: ids are whole numbers from 0"
    if _outside(spec.layer_of_class, 2):
        yield f"layer_of_class={spec.layer_of_class} must be 0 or 1 each"
    if _outside(spec.component_classes, classes):
        yield f"component_classes={spec.component_classes} has an index that is no class"
    if any(_outside(hosts, classes) for hosts in spec.lies_on):
        yield "lies_on has an index that is no class"
    if any(_outside(pairs, attributes) for pairs in spec.allowed_pairs):
        yield "allowed_pairs has an index that is no attribute"


def _outside(indices: Sequence[int], length: int) -> bool:
    return any(not 0 <= index < length for index in indices)
