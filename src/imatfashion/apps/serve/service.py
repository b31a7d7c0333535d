"""The model behind the page: a photo's bytes in, what the page shows out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imatfashion.apps.serve.answers import answer, preview
from imatfashion.apps.serve.examples import Example, load_examples
from imatfashion.apps.serve.intake import checked, damaged
from imatfashion.apps.serve.limits import MEGA, Limits
from imatfashion.data.photos import EncodedPhoto, PhotoError
from imatfashion.predict.inputs import encoded_input
from imatfashion.predict.postprocess import PostProcess
from imatfashion.predict.predictor import Predictor
from imatfashion.predict.results import PhotoResult, to_line
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
        photo = checked(name, data, self.limits)
        result = self._result(name, photo, Settings(post=self.post))
        return answer(result, preview(photo), self.predictor.classes, self.predictor.attributes)

    def grid_row(self, name: str, data: bytes) -> dict[str, str]:
        """The photo's `row` on the submission's grid.

        Raises:
            Refused: the photo cannot be used.
        """
        settings = Settings(side=self.limits.grid, post=self.post)
        return {"row": to_line(self._result(name, checked(name, data, self.limits), settings))}

    def _result(self, name: str, photo: EncodedPhoto, settings: Settings) -> PhotoResult:
        """The photo's garments, to the last bit those that predict.py finds in the file."""
        try:
            taken = encoded_input(name, photo, self.predictor.looks)
        except PhotoError as error:
            raise damaged(name, error) from error
        (result,) = self.predictor.predict_inputs([taken], settings)
        return result


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
