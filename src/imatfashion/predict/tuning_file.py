"""The small JSON that `imatfashion tune` writes, or a user by hand: limits by the ids of classes and attributes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from math import inf, isnan
from pathlib import Path
from typing import Any

from imatfashion.data.labels import Labels
from imatfashion.errors import FashionError
from imatfashion.predict.for_iou import ExpectedIoU
from imatfashion.predict.postprocess import PostProcess

LIMITS = ("min_area", "min_score", "threshold")
_LARGEST_GRID = 65_536
_TINY = 1e-12
EXPECTED = ("expected_iou", "expected_union")
KEYS = (*LIMITS, *EXPECTED, "give_way", "components", "write_attributes", "left_out", "attributes_left_out")
"""What a tuning file may hold; it holds one of them at least."""


def read_tuning(
    path: Path, plain: PostProcess, classes: Labels, attributes: Labels, *, shown: bool = False
) -> PostProcess:
    """Limits from a tuning file, `plain` for what it does not mention.

    The file is JSON; every key may be missing, and unknown ones are notes:

    - `min_area`, `min_score`, `threshold`: {id: pixels}, {id: score}, {id: probability}, by class or attribute id;
    - `grid`: side of the grid whose pixels `min_area` counts; without it they are those of the output grid;
    - `give_way`: the part of its typical share of a photo below which a class gives its pixels to others;
    - `expected_iou`, `expected_union`: {class id: what to expect of it} for all classes, for the labels that the mean
      IoU gains most by, see `imatfashion.predict.for_iou`;
    - `components`: {class id: whether each component is a garment};
    - `write_attributes`: false for no attribute at all;
    - `left_out`, `attributes_left_out`: ids of classes and of attributes that are never written;
    - `objective`: what it was tuned for.

    Args:
        path: the file.
        plain: limits for what the file does not mention.
        classes: the model's categories.
        attributes: the model's attributes.
        shown: the garments are shown to people: a file that was tuned for the competition alone is refused.

    Raises:
        FashionError: the file is missing, is not such JSON, names an id that the model does not have, or leaves out
            what people should see.
    """
    tuning = _load(path)
    if shown and tuning.get("objective") == "competition":
        raise FashionError(
            f"the tuning file {path} was made for the competition's score alone and may leave out whole classes; "
            "make one with imatfashion tune RUN_DIR --objective per_photo"
        )
    limits = {
        key: _limits(path, key, tuning.get(key, {}), getattr(plain, key), attributes if key == "threshold" else classes)
        for key in LIMITS
    }
    shares = _shares(path, tuning, limits, classes)
    for index in _ids(path, "left_out", tuning, classes):
        limits["min_area"][index] = inf
    never = range(len(attributes)) if tuning.get("write_attributes") is False else ()
    for index in (*never, *_ids(path, "attributes_left_out", tuning, attributes)):
        limits["threshold"][index] = inf
    components = _limits_by_index(path, "components", tuning.get("components", {}), classes)
    return PostProcess(
        **{key: tuple(values) for key, values in limits.items()},
        min_share=shares,
        components={index: bool(value) for index, value in components.items()},
        give_way=_give_way(path, tuning.get("give_way", plain.give_way)),
        expected=_expected(path, tuning, classes) or plain.expected,
    )


def tuned_for_others(path: Path, used: Mapping[str, Any]) -> Iterator[str]:
    """A sentence for each stage whose checkpoints, and each way to look, are not those that a file was tuned for.

    Args:
        path: a tuning file that can be read.
        used: lists of SHA-256 of the checkpoints by `classes_ckpt` and `attributes_ckpt`, and `tta`, `tta_scales`,
            `aspect`, `dense_crf` and `guided_filter` where they are known.
    """
    tuning = _load(path)
    for key in ("classes_ckpt", "attributes_ckpt"):
        tuned = [tuning[key]] if isinstance(tuning.get(key), str) else tuning.get(key)
        if isinstance(tuned, list) and used.get(key) and set(map(str, tuned)) != set(used[key]):
            yield f"{path} was tuned for another {key} than the one given: its limits may not fit; run imatfashion tune"
    for key in ("tta", "tta_scales", "aspect", "dense_crf", "guided_filter"):
        if key in tuning and key in used and tuning[key] != used[key]:
            yield (
                f"{path} was tuned with {key}={tuning[key]}, and this prediction has {key}={used[key]}: its limits may "
                "not fit; take the same, or run imatfashion tune"
            )


def _load(path: Path) -> dict[str, Any]:
    try:
        tuning = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise FashionError(f"the tuning file {path} cannot be read ({error.strerror}); check tuning=") from error
    except (ValueError, RecursionError) as error:
        raise FashionError(f"the tuning file {path} is not valid JSON ({error}); check tuning=") from error
    if not isinstance(tuning, dict) or not any(key in tuning for key in KEYS):
        raise FashionError(f"the tuning file {path} has none of {', '.join(KEYS)}; check tuning=")
    return tuning


def _give_way(path: Path, given: Any) -> float:
    if isinstance(given, bool) or not isinstance(given, int | float) or not 0 <= given <= 1:
        raise FashionError(f"the tuning file {path} has give_way={given}; it must lie between 0 and 1")
    return float(given)


def _expected(path: Path, tuning: Mapping[str, Any], classes: Labels) -> ExpectedIoU | None:
    iou, union = (_limits_by_index(path, key, tuning.get(key, {}), classes) for key in EXPECTED)
    if not iou and not union:
        return None
    if lacking := [label for index, label in enumerate(classes.ids) if index not in iou or index not in union]:
        raise FashionError(
            f"the tuning file {path} lacks expected_iou or expected_union of the class ids "
            f"{', '.join(map(str, lacking))}; both must have all {len(classes)}"
        )
    if not all(0 <= value <= 1 for value in iou.values()) or not all(_TINY <= value <= 1 for value in union.values()):
        raise FashionError(
            f"the tuning file {path} has expected_iou beyond 0 … 1, or expected_union beyond {_TINY} … 1"
        )
    indices = range(len(classes))
    return ExpectedIoU(tuple(iou[index] for index in indices), tuple(union[index] for index in indices))


def _limits(path: Path, key: str, given: Any, plain: tuple[float, ...], labels: Labels) -> list[float]:
    limits = list(plain)
    for index, value in _limits_by_index(path, key, given, labels).items():
        limits[index] = value
    return limits


def _limits_by_index(path: Path, key: str, given: Any, labels: Labels) -> dict[int, float]:
    try:
        limits = {_index(path, key, label_id, labels): float(value) for label_id, value in given.items()}
        if any(map(isnan, limits.values())):
            raise ValueError("NaN is none")
        return limits
    except (AttributeError, ValueError, TypeError, OverflowError) as error:
        raise FashionError(f"the tuning file {path} has no numbers by id under {key} ({error})") from error


def _ids(path: Path, key: str, tuning: Mapping[str, Any], labels: Labels) -> list[int]:
    try:
        return [_index(path, key, label_id, labels) for label_id in tuning.get(key, ())]
    except (ValueError, TypeError, OverflowError) as error:
        raise FashionError(f"the tuning file {path} has no list of ids under {key} ({error})") from error


def _index(path: Path, key: str, label_id: Any, labels: Labels) -> int:
    index = labels.index(int(label_id))
    if index is None:
        raise FashionError(f"the tuning file {path} names under {key} the id {label_id}, which the model lacks")
    return index


def _shares(
    path: Path, tuning: Mapping[str, Any], limits: dict[str, list[float]], classes: Labels
) -> tuple[float, ...]:
    """Areas as shares of the grid that they were tuned on; the classes that have one lose their limit in pixels."""
    if "grid" not in tuning:
        return ()
    grid = tuning["grid"]
    if not isinstance(grid, int) or not 1 <= grid <= _LARGEST_GRID:
        raise FashionError(f"the tuning file {path} has grid={grid}; it is the side of a grid, a number of pixels")
    shares = [0.0] * len(classes)
    for index, area in _limits_by_index(path, "min_area", tuning.get("min_area", {}), classes).items():
        shares[index], limits["min_area"][index] = area / grid**2, 0.0
    return tuple(shares)
