"""All of a prediction."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from imatfashion.config.prediction import check_predict_config


@dataclass
class PredictConfig:
    """A prediction."""

    classes_ckpt: Any = "???"
    """Checkpoint of the class segmenter; or a list of them, whose probabilities are averaged; or a sweep directory of
    folds, see `folds`."""
    attributes_ckpt: Any = None
    """Checkpoint of the attribute classifier, or a list of them; without it no attribute is written."""
    folds: str = "own"
    """With a sweep directory: `own` (each fold's model predicts its own validation photos) or `ensemble` (all of them
    together predict every photo)."""
    tta: str = "none"
    """What is averaged beside the photo itself: `none`, or `flip` (the mirrored photo, in both stages)."""
    tta_scales: list[float] = field(default_factory=lambda: [1.0])
    """Sizes that the class segmenter looks at, as shares of its own; their probabilities are averaged."""
    aspect: str = "square"
    """What the class segmenter sees: `square` (as it was trained) or `own` (the photo's aspect, as many pixels)."""
    dense_crf: bool = False
    """Let the class probabilities agree where the photo has one colour (Krähenbühl and Koltun 2011)."""
    guided_filter: bool = False
    """Bring the class probabilities to the photo's edges (He, Sun and Tang 2013)."""
    images: str = "???"
    """A folder, a glob, a text file of paths, or one photo."""
    output: str = "submission.csv"
    """The file to write; DIR.table for a prediction table, a folder for format=png."""
    format: str | None = None
    """`submission`, `coco`, `png` or `table`; from the ending of `output` when not given."""
    size: str = "grid"
    """`grid` (512 × 512, the competition's) or `photo` (each photo's own size)."""
    grid: int = 512
    """Side of the submission grid, pixels."""
    tuning: str | None = None
    """Post-processing by class and attribute, a JSON file; docs/PREDICTION.md has its form."""
    components: str = "auto"
    """One row a connected component: `auto` (classes that have several rows in a photo in training), `yes` or `no`."""
    give_way: float = 0.0
    """A class of which less than this part of its typical share of a photo is found gives its pixels to what else is
    likely there, such as 0.3; 0 for none."""
    min_area: int = 0
    """Drop garments of fewer pixels on the output grid."""
    threshold: float = 0.5
    """Probability from which an attribute is written."""
    overlap: str = "within_class"
    """`within_class` (garments of a class do not overlap), `none` (no garments overlap), or `parts` (with layers=1,
    parts belong to the garment that they lie on, too)."""
    overlays: str | None = None
    """Folder for a picture of each photo with its garments drawn over it."""
    shard: str | None = None
    """`i/n`: predict the i-th of n parts (0-based) and leave the merge to the last one."""
    batch_size: int = 8
    """Photos the network sees at once."""
    workers: int = -1
    """Threads that read photos and encode rows; −1 derives them from the processors."""
    device: str = "auto"
    """`auto`, `cpu`, `cuda` or a certain card, such as `cuda:1`."""
    precision: str | None = None
    """`32-true`, `16-mixed` or `bf16-mixed`; `null` is the mixed one that a GPU is best at, and `32-true` on a
    processor. Processors with bfloat16 units (AVX-512 BF16, AMX) predict faster with `bf16-mixed`."""
    progress: bool = True
    """Show a progress bar."""

    def validate(self, *, several: bool = False) -> None:
        """Refuse contradictions, see `imatfashion.config.prediction`."""
        check_predict_config(self)
