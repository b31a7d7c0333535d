"""What the Predictor returns for a photo."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from imatfashion.data.labels import Labels
from imatfashion.data.photos import read_photo
from imatfashion.errors import FashionError
from imatfashion.masks.runs import BoolArray, decode_runs
from imatfashion.predict.overlays import draw_result
from imatfashion.predict.results import PhotoResult

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Prediction:
    """A photo's garments, in a fixed order; each property has an entry a garment.

    Attributes:
        result: classes, attributes and masks as indices and runs.
        photo: the photo's file, or its RGB pixels.
        classes: what class indices mean.
        attribute_labels: what attribute indices mean.
    """

    result: PhotoResult
    photo: Path | npt.NDArray[np.uint8] = field(repr=False)
    classes: Labels = field(repr=False)
    attribute_labels: Labels = field(repr=False)

    def __len__(self) -> int:
        return len(self.result.garments)

    @property
    def problem(self) -> str:
        """Why the photo could not be read, "" where it could."""
        return self.result.problem

    @property
    def masks(self) -> BoolArray:
        """Masks on the output grid, bool (G, H, W)."""
        height, width = self.result.height, self.result.width
        masks = [decode_runs(garment.runs, height, width) for garment in self.result.garments]
        return np.stack(masks) if masks else np.zeros((0, height, width), dtype=np.bool_)

    @property
    def names(self) -> tuple[str, ...]:
        """Class names."""
        return tuple(self.classes.names[garment.class_index] for garment in self.result.garments)

    @property
    def attributes(self) -> tuple[tuple[str, ...], ...]:
        """Attribute names; empty without an attribute model."""
        names = self.attribute_labels.names
        return tuple(tuple(names[index] for index in garment.attributes or ()) for garment in self.result.garments)

    @property
    def scores(self) -> tuple[float, ...]:
        """The mean probability of each garment's class over its pixels."""
        return tuple(garment.score for garment in self.result.garments)

    def plot(self) -> Figure:
        """The photo with its garments drawn over it and a legend, as a matplotlib figure.

        Raises:
            FashionError: the photo cannot be read.
        """
        from matplotlib.figure import Figure  # heavy, and needed here alone

        if self.problem:
            raise FashionError(f"the photo {self.result.name} cannot be shown: {self.problem}")
        image = read_photo(self.photo) if isinstance(self.photo, Path) else self.photo
        picture = draw_result(image, self.result, self.classes, self.attribute_labels)
        figure = Figure(figsize=(picture.shape[1] / 100, picture.shape[0] / 100), dpi=100)
        axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
        axes.imshow(picture)
        axes.set_axis_off()
        return figure
