"""The dense CRF: against plain numpy, and by what it is for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch
from scipy.special import softmax

from imatfashion.errors import FashionError
from imatfashion.masks.view import View
from imatfashion.predict import dense_crf
from imatfashion.predict.dense_crf import CELLS, COLOUR, LARGE, REACH, ROUNDS, agree, features_of, grid_of
from imatfashion.predict.looks import LookOptions
from imatfashion.predict.predictor import Predictor

FloatArray = npt.NDArray[np.float64]
ROWS, COLUMNS = 12, 9
VIEW = View(5, 3, 240, 90, ROWS, COLUMNS)
TYPICAL = [LARGE * 2, LARGE * 10, LARGE, 0.0, LARGE * 3]
RED, GREEN = (200, 40, 40), (60, 160, 60)


def lab(pixel: FloatArray) -> FloatArray:
    """CIELAB of an sRGB colour between 0 and 1, white of D65."""
    linear = np.where(pixel <= 0.04045, pixel / 12.92, ((pixel + 0.055) / 1.055) ** 2.4)
    matrix = np.array(
        [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
    )
    ratio = matrix @ linear / np.array([0.950456, 1.0, 1.088754])
    x, y, z = np.where(ratio > (6 / 29) ** 3, np.cbrt(ratio), ratio / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def by_the_book(shares: FloatArray, image: npt.NDArray[np.uint8], weight: float) -> FloatArray:
    """What each pixel hears, pair by pair, (K, N)."""
    pixels = [(row, column) for row in range(ROWS) for column in range(COLUMNS)]
    reach = REACH * np.sqrt(VIEW.height * VIEW.width)
    places = [np.array([row * VIEW.height / ROWS, column * VIEW.width / COLUMNS]) / reach for row, column in pixels]
    colours = features_of(image, VIEW, (ROWS, COLUMNS))[:, :3].double().numpy()  # OpenCV's, see test_colours
    heard = np.zeros((len(pixels), len(pixels)))
    for i in range(len(pixels)):
        for j in range(len(pixels)):
            if i != j:
                apart = np.sum((places[i] - places[j]) ** 2) + np.sum((colours[i] - colours[j]) ** 2)
                heard[i, j] = np.exp(-apart / 2)
        heard[i] /= max(1, heard[i].sum())
    loudness, thought = shares.sum(axis=0), shares
    for turn in range(ROUNDS + 1):
        message = np.stack(
            [weight * sum(heard[i, j] * thought[:, j] for j in range(len(pixels))) for i in range(len(pixels))], 1
        )
        if turn < ROUNDS:
            thought = softmax(np.log(np.maximum(shares, 1e-6)) + message, axis=0) * loudness
    return message


@pytest.mark.parametrize("seed", range(3))
def test_it_is_the_papers(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The large classes divide what they have together; then all hear one another."""
    monkeypatch.setattr(dense_crf, "WEIGHT_OF_LARGE", 4.0)
    monkeypatch.setattr(dense_crf, "WEIGHT_OF_ALL", 1.5)
    rng = np.random.default_rng(seed)
    colours = rng.integers(0, 256, (4, 3))
    image = np.clip(colours[rng.integers(0, 4, (ROWS, COLUMNS))] + rng.integers(-6, 7, (ROWS, COLUMNS, 3)), 0, 255)
    image = image.astype(np.uint8)
    scores = rng.normal(scale=2, size=(2, len(TYPICAL) + 1, ROWS, COLUMNS))
    found = agree(torch.from_numpy(scores).float(), image, VIEW, TYPICAL)
    large = [0, 1, 4]
    for layer, given in zip(found, scores, strict=True):
        expected = softmax(given.reshape(len(given), -1), axis=0)
        together = expected[large].sum(axis=0)
        heard = by_the_book(expected[large], image, 4.0)
        expected[large] = softmax(np.log(expected[large]) + heard, axis=0) * together
        expected = softmax(np.log(expected) + by_the_book(expected, image, 1.5), axis=0)
        np.testing.assert_allclose(layer.softmax(dim=0).flatten(1), expected, atol=1e-5)


def test_colours() -> None:
    image = np.random.default_rng(0).integers(0, 256, (ROWS, COLUMNS, 3)).astype(np.uint8)
    expected = [lab(pixel / 255) for pixel in image.reshape(-1, 3)]
    found = features_of(image, VIEW, (ROWS, COLUMNS))[:, :3] * COLOUR
    np.testing.assert_allclose(found, expected, atol=0.3)  # OpenCV interpolates in tables


def halves(left: tuple[int, int, int], right: tuple[int, int, int], side: int = 40) -> npt.NDArray[np.uint8]:
    image = np.empty((side, side, 3), dtype=np.uint8)
    image[:, : side // 2], image[:, side // 2 :] = left, right
    return image


def test_one_colour_one_class() -> None:
    """A fifth of a red coat may be a shirt; beside it something green is a shirt."""
    scores = torch.full((1, 3, 40, 40), -2.0)
    scores[0, 0, :, 20:] = 1.0
    scores[0, 1, :32, :20], scores[0, 0, 32:, :20] = 1.0, -1.5
    found = agree(scores, halves(RED, GREEN), View.squash(400, 400, 40, 40), [0.1, 0.1]).argmax(dim=1)[0]
    assert set(found[:, :20].flatten().tolist()) == {1}
    assert set(found[:, 20:].flatten().tolist()) == {0}


def test_small_things_keep_what_they_had_among_the_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dense_crf, "WEIGHT_OF_ALL", 0.0)
    scores = torch.randn(2, 5, 40, 40, generator=torch.Generator().manual_seed(0))
    scores[:, 0, :, :20] += 1
    found = agree(scores, halves(RED, GREEN), View.squash(40, 40, 40, 40), [0.3, 0.001, 0.0, 0.2]).softmax(dim=1)
    torch.testing.assert_close(found[:, [1, 2, 4]], scores.softmax(dim=1)[:, [1, 2, 4]])
    assert (found[:, 0] - scores.softmax(dim=1)[:, 0]).abs().max() > 0.1


def test_no_class_is_large() -> None:
    scores = torch.randn(1, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    found = agree(scores, halves(RED, GREEN, 32), View.squash(32, 32, 32, 32), [0.0, 0.0])
    assert torch.isfinite(found).all()
    assert (found.argmax(dim=1) != scores.argmax(dim=1)).any()


def test_a_class_of_another_layer_stays_away() -> None:
    scores = torch.zeros(2, 3, 32, 32)
    scores[0, 0], scores[1, 1] = -1e4, -1e4
    found = agree(scores, halves(RED, GREEN, 32), View.squash(32, 32, 32, 32), [0.1, 0.1])
    assert (found.argmax(dim=1)[0] != 0).all()
    assert (found.argmax(dim=1)[1] != 1).all()
    assert torch.isfinite(found).all()


@pytest.mark.parametrize("size", [(1, 1), (9, 12), (45, 45), (448, 224), (512, 512), (1, 100_000), (4000, 32)])
def test_the_grid_is_coarse_enough(size: tuple[int, int]) -> None:
    rows, columns = grid_of(*size)
    assert 1 <= rows <= size[0]
    assert 1 <= columns <= size[1]
    assert rows * columns <= CELLS
    if size[0] * size[1] <= CELLS:
        assert (rows, columns) == size


def test_of_a_large_view_the_cells_hear_their_means(monkeypatch: pytest.MonkeyPatch) -> None:
    """Doubled pixels change nothing but where two colours meet, as long as the grid stays."""
    monkeypatch.setattr(dense_crf, "CELLS", 2048)
    scores = torch.randn(1, 3, 32, 64, generator=torch.Generator().manual_seed(1))
    scores[:, 0, :, :32] += 1
    image = halves(RED, GREEN, 64)[:32]
    assert grid_of(32, 64) == grid_of(64, 128)
    small = agree(scores, image, View.squash(64, 128, 32, 64), [0.1, 0.1])
    doubled = scores.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)
    large = agree(doubled, image.repeat(2, axis=0).repeat(2, axis=1), View.squash(64, 128, 64, 128), [0.1, 0.1])
    difference = large.view(1, 3, 32, 2, 64, 2).mean(dim=(3, 5)).softmax(dim=1) - small.softmax(dim=1)
    difference[..., 28:36] = 0
    assert difference.abs().max() < 0.01
    assert (small.softmax(dim=1) - scores.softmax(dim=1)).abs().max() > 0.5


def test_older_checkpoints_are_refused(classes_ckpt: Path) -> None:
    with pytest.raises(FashionError, match="dense_crf=true needs checkpoints that know how large each class is"):
        Predictor.load(classes_ckpt, device="cpu", options=LookOptions(dense_crf=True))
