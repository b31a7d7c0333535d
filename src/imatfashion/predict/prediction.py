"""What the Predictor returns for a photo, made to be looked at in a notebook."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from PIL import Image

from imatfashion.data.labels import Labels
from imatfashion.data.photos import read_photo
from imatfashion.errors import FashionError
from imatfashion.masks.runs import BoolArray, decode_runs
from imatfashion.predict.overlays import draw_result
from imatfashion.predict.results import PhotoResult

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

ByteArray = npt.NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Garment:
    """A garment of a photo.

    Attributes:
        name: its class's name.
        class_id: its class's id in the label file.
        attributes: names of its attributes; empty without an attribute model.
        score: the mean probability of its class over its pixels.
        box: first column, first row, end of columns and end of rows of its mask, pixels.
        mask: bool (H, W).
    """

    name: str
    class_id: int
    attributes: tuple[str, ...]
    score: float
    box: tuple[int, int, int, int]
    mask: BoolArray = field(repr=False)


@dataclass(frozen=True, eq=False, repr=False)
class Prediction:
    """A photo's garments, in a fixed order; each property has an entry a garment.

    A notebook shows it as a picture.

    Attributes:
        result: classes, attributes and masks as indices and runs.
        photo: the photo's file, or its RGB pixels.
        classes: what class indices mean.
        attribute_labels: what attribute indices mean.
    """

    result: PhotoResult
    photo: Path | ByteArray
    classes: Labels
    attribute_labels: Labels

    def __len__(self) -> int:
        return len(self.result.garments)

    def __iter__(self) -> Iterator[Garment]:
        return iter(self.garments)

    def __getitem__(self, index: int) -> Garment:
        return self.garments[index]

    def __repr__(self) -> str:
        found = [f"{name} {score:.2f}" for name, score in zip(self.names, self.scores, strict=True)]
        return f"<Prediction of {self.result.name}: {self.problem or '; '.join(found) or 'no garment'}>"

    @property
    def problem(self) -> str:
        """Why the photo could not be read, "" where it could."""
        return self.result.problem

    @cached_property
    def garments(self) -> tuple[Garment, ...]:
        """The garments."""
        ids = [self.classes.ids[garment.class_index] for garment in self.result.garments]
        values = zip(self.names, ids, self.attributes, self.scores, map(_box, self.masks), self.masks, strict=True)
        return tuple(Garment(*value) for value in values)

    @cached_property
    def masks(self) -> BoolArray:
        """Masks on the output grid, bool (G, H, W), not to be written to."""
        height, width = self.result.height, self.result.width
        masks = [decode_runs(garment.runs, height, width) for garment in self.result.garments]
        stacked = np.stack(masks) if masks else np.zeros((0, height, width), dtype=np.bool_)
        stacked.flags.writeable = False
        return stacked

    def mask(self, name: str) -> BoolArray:
        """The pixels of all garments of a class, bool (H, W).

        Raises:
            FashionError: the model knows no class of that name.
        """
        if name not in self.classes.names:
            known = ", ".join(repr(known) for known in self.classes.names)
            raise FashionError(f"the model knows no class {name!r}; its classes are {known}")
        chosen = [own == name for own in self.names]
        return np.asarray(self.masks[chosen].any(axis=0), dtype=np.bool_)

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

    def to_frame(self) -> pd.DataFrame:
        """A row a garment: `class`, `class_id`, `score`, `attributes` (joined by `; `), `pixels`, `share` of the photo.

        The box follows as `left`, `top`, `right` and `bottom`, pixels of the output grid, ends not included.
        """
        import pandas as pd  # heavy, and needed here alone

        columns = ("class", "class_id", "score", "attributes", "pixels", "share", "left", "top", "right", "bottom")
        rows = [
            (one.name, one.class_id, one.score, "; ".join(one.attributes), one.mask.sum(), one.mask.mean(), *one.box)
            for one in self.garments
        ]
        return pd.DataFrame(rows, columns=list(columns))

    def picture(self) -> ByteArray:
        """The photo with its garments drawn over it and a legend, RGB, uint8 (h, w, 3).

        Raises:
            FashionError: the photo cannot be read.
        """
        if self.problem:
            raise FashionError(f"the photo {self.result.name} cannot be shown: {self.problem}")
        image = read_photo(self.photo) if isinstance(self.photo, Path) else self.photo
        return draw_result(image, self.result, self.classes, self.attribute_labels)

    def plot(self) -> Figure:
        """`picture()` as a matplotlib figure.

        Raises:
            FashionError: the photo cannot be read.
        """
        from matplotlib.figure import Figure  # heavy, and needed here alone

        picture = self.picture()
        figure = Figure(figsize=(picture.shape[1] / 100, picture.shape[0] / 100), dpi=100)
        axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
        axes.imshow(picture)
        axes.set_axis_off()
        return figure

    def _repr_png_(self) -> bytes | None:
        """What a notebook shows; None, so that it shows the text, for a photo that could not be read."""
        if self.problem:
            return None
        file = io.BytesIO()
        Image.fromarray(self.picture()).save(file, "PNG")
        return file.getvalue()


def _box(mask_HW: BoolArray) -> tuple[int, int, int, int]:
    rows, columns = np.flatnonzero(mask_HW.any(axis=1)), np.flatnonzero(mask_HW.any(axis=0))
    if not len(rows):
        return 0, 0, 0, 0
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1
