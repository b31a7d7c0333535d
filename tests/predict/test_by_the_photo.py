"""What the photo's colours say is said of the picture that the scores are of, however the networks look at it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from imatfashion.config.schema import PredictConfig
from imatfashion.data.photos import decode_photo, load_photo
from imatfashion.data.render import render_image
from imatfashion.models.checkpoint import load_checkpoint
from imatfashion.predict.dense_crf import agree
from imatfashion.predict.ensemble import Framed
from imatfashion.predict.guided_filter import follow_edges
from imatfashion.predict.inputs import image_input
from imatfashion.predict.looks import LookOptions
from imatfashion.predict.predictor import Predictor
from imatfashion.predict.run import run_prediction

Save = Callable[..., Path]
SHARES = (0.5, 0.2, 0.0, 0.1)
CHANGES = {
    "one look": {},
    "padded": {"resize": "pad"},
    "mirrored": {"flip": True},
    "sizes": {"scales": (0.75, 1.0)},
    "padded sizes": {"scales": (0.75, 1.0), "resize": "pad"},
    "closer": {"crop": "garments"},
    "closer sizes": {"crop": "garments", "scales": (0.75, 1.0), "flip": True, "aspect": 2.0},
    "own aspect": {"own_aspect": True, "flip": True},
}

FILTERS = pytest.mark.parametrize(
    "filters", [("dense_crf",), ("guided_filter",), ("dense_crf", "guided_filter")], ids="+".join
)


@FILTERS
@pytest.mark.parametrize("case", CHANGES)
def test_the_guide_is_what_the_scores_are_of(
    case: str, filters: tuple[str, ...], classes_ckpt: Path, photos: Path, save: Save, tmp_path: Path
) -> None:
    changes = dict(CHANGES[case])
    looks = {key: changes.pop(key) for key in ("flip", "scales", "own_aspect") if key in changes}
    spec, _ = load_checkpoint(classes_ckpt)
    checkpoint = save(tmp_path / "best.ckpt", replace(spec, typical_shares=SHARES, **changes), 5)
    pixels = decode_photo(load_photo(photos / "e.jpg"))

    def framed(options: LookOptions) -> Framed:
        predictor = Predictor.load(checkpoint, device="cpu", options=options)
        return predictor.class_stage.scores([image_input("e.jpg", pixels, predictor.looks)], 1)[0]

    plain, found = framed(LookOptions(**looks)), framed(LookOptions(**looks, **dict.fromkeys(filters, True)))
    assert plain.view == found.view
    picture = render_image(pixels, pixels.shape[:2], plain.view)
    expected = plain.scores
    if "dense_crf" in filters:
        expected = agree(expected, picture, plain.view, SHARES)
    if "guided_filter" in filters:
        expected = follow_edges(expected, torch.from_numpy(picture), plain.view, pixels.shape[:2])
    assert (expected.argmax(dim=1) != plain.scores.argmax(dim=1)).any()
    torch.testing.assert_close(found.scores.softmax(dim=1), expected.softmax(dim=1), atol=1e-5, rtol=0)


@FILTERS
def test_through_a_prediction(
    filters: tuple[str, ...], config: Callable[..., PredictConfig], classes_ckpt: Path, save: Save, tmp_path: Path
) -> None:
    spec, _ = load_checkpoint(classes_ckpt)
    knowing = save(tmp_path / "knowing.ckpt", replace(spec, typical_shares=SHARES))
    given = config(classes_ckpt=str(knowing), output="a.csv", **dict.fromkeys(filters, True))
    run_prediction(given)
    other = config(classes_ckpt=str(knowing), output="b.csv")
    run_prediction(other)
    assert Path(given.output).read_bytes() != Path(other.output).read_bytes()
