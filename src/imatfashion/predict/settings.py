"""How label maps become garments."""

from __future__ import annotations

from dataclasses import dataclass

from imatfashion.predict.postprocess import PostProcess


@dataclass(frozen=True)
class Settings:
    """How label maps become garments.

    Attributes:
        side: side of the square output grid, pixels; None for the photo's own size.
        components: a garment for each connected component: `auto` (of the classes that training found several of in
            one photo), `yes` or `no`.
        overlap: `within_class` (garments of one class never overlap), `none` (no garments do: parts that lie on a
            garment are cut out of it) or `parts` (on one label map, parts belong to the garment they lie on, too).
        post: what is left out; None for nothing (with attributes from a probability of ½).
    """

    side: int | None = None
    components: str = "auto"
    overlap: str = "within_class"
    post: PostProcess | None = None
