"""What is left out of a prediction: small or doubtful garments, improbable attributes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from imatfashion.data.labels import Labels
from imatfashion.errors import FashionError

_KEYS = ("min_area", "min_score", "threshold")


@dataclass(frozen=True)
class PostProcess:
    """Limits below which garments and attributes are left out.

    Attributes:
        min_area: smallest garment of each class, pixels of the output grid, (C,).
        min_score: smallest score of each class's garments, (C,).
        threshold: probability from which each attribute is written, (A,).
    """

    min_area: tuple[float, ...]
    min_score: tuple[float, ...]
    threshold: tuple[float, ...]

    @classmethod
    def plain(cls, classes: Labels, attributes: Labels, *, min_area: int = 0, threshold: float = 0.5) -> PostProcess:
        """The same limits for all classes and attributes."""
        return cls((min_area,) * len(classes), (0.0,) * len(classes), (threshold,) * len(attributes))

    def keeps(self, class_index: int, area: int, score: float) -> bool:
        """Whether a garment is large and certain enough."""
        return area >= self.min_area[class_index] and score >= self.min_score[class_index]

    def attributes(self, probabilities: npt.NDArray[np.float32], allowed: npt.NDArray[np.bool_]) -> tuple[int, ...]:
        """Rising indices of the attributes that are probable enough, of those that the class may have (A,)."""
        return tuple(np.flatnonzero(allowed & (probabilities >= np.array(self.threshold, dtype=np.float32))).tolist())


def read_tuning(path: Path, plain: PostProcess, classes: Labels, attributes: Labels) -> PostProcess:
    """Limits from a tuning file, `plain` for what it does not mention.

    The file is JSON: {"min_area": {id: pixels}, "min_score": {id: score}, "threshold": {id: probability}}, each by the
    class's or the attribute's id; other keys are notes.

    Raises:
        FashionError: the file is missing, is not such JSON, or names an id that the model does not have.
    """
    try:
        tuning = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise FashionError(f"the tuning file {path} cannot be read ({error.strerror}); check tuning=") from error
    except (ValueError, RecursionError) as error:
        raise FashionError(f"the tuning file {path} is not valid JSON ({error}); check tuning=") from error
    if not isinstance(tuning, dict) or not any(key in tuning for key in _KEYS):
        raise FashionError(f"the tuning file {path} has none of {', '.join(_KEYS)}; check tuning=")
    limits = {}
    for key in _KEYS:
        labels = attributes if key == "threshold" else classes
        limits[key] = _limits(path, key, tuning.get(key, {}), getattr(plain, key), labels)
    return PostProcess(**limits)


def _limits(path: Path, key: str, given: Any, plain: tuple[float, ...], labels: Labels) -> tuple[float, ...]:
    limits = list(plain)
    try:
        for label_id, limit in given.items():
            index = labels.index(int(label_id))
            if index is None:
                raise FashionError(f"the tuning file {path} has a {key} for the id {label_id}, which the model lacks")
            limits[index] = float(limit)
    except (AttributeError, ValueError, TypeError) as error:
        raise FashionError(f"the tuning file {path} has no numbers by id under {key} ({error})") from error
    return tuple(limits)
