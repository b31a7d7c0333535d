"""The model behind the page: a photo's bytes in, what the page shows out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imatfashion.apps.serve.answers import answer, row
from imatfashion.apps.serve.examples import Example, load_examples
from imatfashion.apps.serve.intake import decode
from imatfashion.apps.serve.limits import MEGA, Limits
from imatfashion.predict.postprocess import PostProcess
from imatfashion.predict.predictor import Predictor
from imatfashion.predict.settings import Settings
from imatfashion.predict.tuning_file import read_tuning


@dataclass(frozen=True)
class Service:
    """The model and what goes with it.

    Attributes:
        predictor: the networks.
        post: what is left out of a prediction.
        limits: what a request may ask for.
        examples: photos to try.
        title: which checkpoints these are, for the page.
    """

    predictor: Predictor
    post: PostProcess
    limits: Limits
    examples: Sequence[Example]
    title: str

    def predict(self, name: str, data: bytes) -> dict[str, Any]:
        """What the page shows of a photo, with masks at the photo's own size.

        Raises:
            Refused: the photo cannot be used.
        """
        image = decode(name, data, self.limits)
        return answer(name, image, self.predictor(image, Settings(post=self.post)))

    def grid_row(self, name: str, data: bytes) -> dict[str, str]:
        """The photo's `row` on the submission's grid, as predict.py would have it.

        Raises:
            Refused: the photo cannot be used.
        """
        image = decode(name, data, self.limits)
        return {"row": row(name, self.predictor(image, Settings(side=self.limits.grid, post=self.post)))}


def load_service(
    classes_ckpt: Path,
    attributes_ckpt: Path | None = None,
    *,
    device: str = "auto",
    max_mb: float = 20,
    examples: Path | None = None,
    tuning: Path | None = None,
) -> Service:
    """Load what the page needs.

    Args:
        classes_ckpt: checkpoint of the class segmenter.
        attributes_ckpt: checkpoint of the attribute classifier; without it garments have no attributes.
        device: `auto`, `cpu`, `cuda` or `cuda:N`.
        max_mb: largest photo, MB (10⁶ bytes).
        examples: folder of photos to try; drawn ones without.
        tuning: post-processing by class and attribute.

    Raises:
        FashionError: a checkpoint, the device, the examples or the tuning file cannot be used.
    """
    limits = Limits(photo_bytes=round(max_mb * MEGA))
    photos = load_examples(examples, limits)
    predictor = Predictor.load(classes_ckpt, attributes_ckpt, device)
    title = " · ".join(_short(path) for path in (classes_ckpt, attributes_ckpt) if path)
    return Service(predictor, _post_processing(predictor, tuning), limits, photos, title)


def _short(checkpoint: Path) -> str:
    """A checkpoint by its run, as people know it: RUN of RUN/checkpoints/best.ckpt."""
    parts = checkpoint.resolve().parts
    return parts[-3] if len(parts) > 3 and parts[-2] == "checkpoints" else checkpoint.name


def _post_processing(predictor: Predictor, tuning: Path | None) -> PostProcess:
    plain = PostProcess.plain(predictor.classes, predictor.attributes)
    return plain if tuning is None else read_tuning(tuning, plain, predictor.classes, predictor.attributes, shown=True)
