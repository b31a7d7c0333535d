"""What is left out of a prediction: classes that give way, small or doubtful garments, improbable attributes."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from imatfashion.data.labels import Labels
from imatfashion.predict.for_iou import ExpectedIoU


@dataclass(frozen=True)
class PostProcess:
    """Limits below which garments and attributes are left out.

    Attributes:
        min_area: smallest garment of each class, pixels of the output grid, (C,); infinite for a class that is left
            out.
        min_score: smallest score of each class's garments, (C,).
        threshold: probability from which each attribute is written, (A,); infinite for one that is never written.
        min_share: smallest garment of each class as a share of the output grid's pixels, (C,); empty for none.
        components: whether each component of a class is a garment of its own, by class index, for the classes of which
            it was tuned.
        give_way: a class of which less than this part of its typical share of a photo is found gives its pixels to
            others; 0 for none.
        expected: what to expect of each class, for the labels that the mean IoU gains most by; None for the likeliest.
    """

    min_area: tuple[float, ...]
    min_score: tuple[float, ...]
    threshold: tuple[float, ...]
    min_share: tuple[float, ...] = ()
    components: Mapping[int, bool] = field(default_factory=dict)
    give_way: float = 0.0
    expected: ExpectedIoU | None = None

    @classmethod
    def plain(
        cls, classes: Labels, attributes: Labels, *, min_area: int = 0, threshold: float = 0.5, give_way: float = 0.0
    ) -> PostProcess:
        """The same limits for all classes and attributes."""
        limits = (min_area,) * len(classes), (0.0,) * len(classes), (threshold,) * len(attributes)
        return cls(*limits, give_way=give_way)

    def keeps(self, class_index: int, area: int, score: float, pixels: int) -> bool:
        """Whether a garment of `area` pixels on a grid of `pixels` is large and certain enough."""
        share = self.min_share[class_index] if self.min_share else 0
        return area >= max(self.min_area[class_index], share * pixels) and score >= self.min_score[class_index]

    def component_classes(self, otherwise: Collection[int]) -> frozenset[int]:
        """Classes of which each component is a garment: as tuned, as in `otherwise` for those that were not."""
        tuned = {index for index, separate in self.components.items() if separate}
        return frozenset(tuned | (set(otherwise) - set(self.components)))

    def attributes(self, probabilities: npt.NDArray[np.float32], allowed: npt.NDArray[np.bool_]) -> tuple[int, ...]:
        """Rising indices of the attributes that are probable enough, of those that the class may have (A,)."""
        return tuple(np.flatnonzero(allowed & (probabilities >= np.array(self.threshold, dtype=np.float32))).tolist())
