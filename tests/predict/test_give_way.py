"""Classes that give way: against plain numpy, and through predictions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch

from imatfashion.config.schema import PredictConfig
from imatfashion.errors import FashionError
from imatfashion.masks.view import View
from imatfashion.models.checkpoint import load_checkpoint
from imatfashion.predict.give_way import give_way
from imatfashion.predict.postprocess import PostProcess
from imatfashion.predict.predictor import Predictor
from imatfashion.predict.run import run_prediction
from imatfashion.predict.settings import Settings

PHOTO = (300, 200)
WHOLE = View.squash(*PHOTO, 30, 20)
Save = Callable[..., Path]


def settled(scores_CN: npt.NDArray[np.float64], wanted: list[float]) -> npt.NDArray[np.int64]:
    """Labels once every class but the last has the pixels that are wanted of it, all pixels anew in each round."""
    left = scores_CN.copy()
    while True:
        labels = left.argmax(axis=0)
        counts = [int((labels == index).sum()) for index in range(len(wanted))]
        parts = [count / want if 0 < count < want else np.inf for count, want in zip(counts, wanted, strict=True)]
        if min(parts) == np.inf:
            return labels
        left[int(np.argmin(parts))] = -np.inf


@pytest.mark.parametrize("seed", range(8))
def test_the_smallest_gives_way_first(seed: int) -> None:
    rng = np.random.default_rng(seed)
    coarse = rng.normal(size=(2, 6, 6, 4)).repeat(5, axis=2).repeat(5, axis=3)
    scores = (coarse + rng.normal(scale=0.6, size=(2, 6, 30, 20))).astype(np.float32)
    typical = [0.3, 0.5, 0.02, 0.9, 0.4]
    found = give_way(torch.from_numpy(scores), WHOLE, PHOTO, typical, 0.5).argmax(1).numpy()
    for layer in range(2):
        expected = settled(scores[layer].reshape(6, -1).astype(float), [0.5 * share * 600 for share in typical])
        np.testing.assert_array_equal(found[layer].ravel(), expected)
    assert not np.array_equal(found, scores.argmax(1))


def halves(upper: float, lower: float) -> torch.Tensor:
    """Class 0 in four rows, class 1 in one below, background around; the given scores are of the other class there."""
    scores = torch.full((1, 3, 30, 20), -9.0)
    scores[0, 2] = 0.0
    scores[0, 0, 10:14], scores[0, 1, 10:14] = 5.0, upper
    scores[0, 1, 14:15], scores[0, 0, 14:15] = 5.0, lower
    return scores


def test_pixels_go_to_what_else_is_likely() -> None:
    rows = give_way(halves(1.0, 3.0), WHOLE, PHOTO, [0.1, 0.1], 0.5).argmax(1)[0, :, 0]
    assert rows.tolist() == [2] * 10 + [0] * 5 + [2] * 15
    # Where nothing else is likely they are background.
    rows = give_way(halves(1.0, -9.0), WHOLE, PHOTO, [0.1, 0.1], 0.5).argmax(1)[0, :, 0]
    assert rows.tolist() == [2] * 10 + [0] * 4 + [2] * 16


def test_what_is_large_enough_or_unknown_stays() -> None:
    scores = halves(1.0, 3.0)
    assert give_way(scores, WHOLE, PHOTO, [0.1, 0.1], 0.3) is scores
    assert give_way(scores, WHOLE, PHOTO, [0.1, 0.0], 1.0) is scores
    assert give_way(scores, WHOLE, PHOTO, [0.0, 0.0], 1.0) is scores


def test_a_part_of_the_photo_counts_as_the_part_it_is() -> None:
    """A row of 20 pixels is a thirtieth of the view, and a hundred-and-twentieth of a photo four times as large."""
    quarter = View(0, 0, 150, 100, 30, 20)
    assert give_way(halves(1.0, 3.0), WHOLE, PHOTO, [0.0, 0.06], 0.5).argmax(1).eq(1).any()
    assert not give_way(halves(1.0, 3.0), quarter, PHOTO, [0.0, 0.06], 0.5).argmax(1).eq(1).any()


def test_padding_is_none_of_the_photo() -> None:
    """A wide photo in a padded view: what is above and below it does not count, whatever the network sees there."""
    photo, view = (100, 200), View.pad(100, 200, 40)
    scores = torch.full((1, 3, 40, 40), -9.0)
    scores[0, 2], scores[0, 0, 12:30] = 0.0, 4.0
    scores[0, 1, :10, :], scores[0, 1, 10, :4] = 5.0, 5.0
    assert give_way(scores, view, photo, [0.0, 0.01], 0.6) is not scores  # 4 of 800 pixels
    assert give_way(scores, view, photo, [0.0, 0.01], 0.4) is scores


@pytest.fixture
def knowing(classes_ckpt: Path, tmp_path: Path, save: Save) -> Path:
    """A checkpoint that knows how large its classes are."""
    spec = load_checkpoint(classes_ckpt)[0]
    return save(tmp_path / "knowing.ckpt", replace(spec, typical_shares=(0.9, 0.9, 0.2, 0.0)))


def found(predictor: Predictor, photo: Path, share: float) -> dict[int, int]:
    """Pixels of each class on a grid of 64 × 64."""
    post = PostProcess.plain(predictor.classes, predictor.attributes, give_way=share)
    garments = predictor(photo, Settings(64, components="no", post=post)).result.garments
    return {garment.class_index: garment.runs.area for garment in garments}


def test_through_a_prediction(knowing: Path, photos: Path, config: Callable[..., PredictConfig]) -> None:
    predictor = Predictor.load(knowing, device="cpu")
    plain, some = (found(predictor, photos / "e.jpg", share) for share in (0.0, 1.0))
    assert some != plain
    assert min(some.get(0, 64 * 64), some.get(1, 64 * 64)) >= 0.9 * 64 * 64
    assert some[3] >= plain[3]
    given = config(classes_ckpt=str(knowing), output="a.csv", give_way=1.0)
    run_prediction(given)
    run_prediction(replace(given, give_way=0.0, output=given.output.replace("a.csv", "b.csv")))
    assert Path(given.output).read_bytes() != Path(given.output).with_name("b.csv").read_bytes()


def test_an_older_checkpoint_does_not_know(
    classes_ckpt: Path, knowing: Path, photos: Path, config: Callable[..., PredictConfig]
) -> None:
    with pytest.raises(FashionError, match="give_way needs checkpoints that know how large each class is"):
        found(Predictor.load([knowing, classes_ckpt], device="cpu"), photos / "e.jpg", 0.3)
    with pytest.raises(FashionError, match="give_way needs checkpoints that know how large each class is"):
        run_prediction(config(give_way=0.3))
    with pytest.raises(FashionError, match=r"give_way=1.5 must lie between 0 and 1"):
        run_prediction(config(give_way=1.5))
