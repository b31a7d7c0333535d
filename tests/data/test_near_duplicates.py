from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from imatfashion.data.near_duplicates import LEAST_CORRELATION, MOST_BITS, near_duplicates, perceptual_hash
from imatfashion.data.thumbnails import SIDE, thumbnails

Image = npt.NDArray[np.uint8]


def _scenes(count: int, height: int = 330, width: int = 220, seed: int = 0) -> list[Image]:
    """Pictures of smooth random blobs with grain, no two alike."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (count, 7, 5, 3), dtype=np.uint8)
    grain = rng.integers(0, 12, (count, height, width, 1), dtype=np.uint8)
    big = [cv2.resize(c, (width, height), interpolation=cv2.INTER_CUBIC) for c in coarse]
    return [np.clip(b.astype(int) + g, 0, 255).astype(np.uint8) for b, g in zip(big, grain, strict=True)]


def _shrink(image: Image) -> Image:
    return cv2.resize(image, (SIDE, SIDE), interpolation=cv2.INTER_AREA)


def _write(folder: Path, images: dict[str, Image], quality: int = 92) -> list[Path]:
    folder.mkdir(exist_ok=True)
    for name, image in images.items():
        assert cv2.imwrite(str(folder / name), image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return [folder / name for name in images]


def _brighter(image: Image) -> Image:
    return np.clip(image * 1.08 + 6, 0, 255).astype(np.uint8)


def _smaller(image: Image) -> Image:
    return cv2.resize(image, None, fx=0.6, fy=0.6, interpolation=cv2.INTER_AREA)


def _larger(image: Image) -> Image:
    return cv2.resize(image, None, fx=2.5, fy=2.5, interpolation=cv2.INTER_LINEAR)


def test_hash_is_the_sign_of_the_low_cosine_frequencies() -> None:
    grey = np.stack([_shrink(scene)[..., 1] for scene in _scenes(50)])
    for thumbnail, hashed in zip(grey, perceptual_hash(grey), strict=True):
        low = cv2.dct(thumbnail.astype(np.float64))[:8, :8].ravel()
        # cv2 scales the first row and column by 1/√2 more; signs are compared about our own median's scale.
        scale = np.outer([2**0.5] + [1] * 7, [2**0.5] + [1] * 7).ravel()
        low = low * scale
        expected = low > np.median(low[1:])
        bits = np.unpackbits(np.array([hashed]).view(np.uint8)).astype(bool)
        assert (bits != expected).sum() <= 1  # float32 against float64 next to the median


@pytest.mark.parametrize("change", [_brighter, _smaller, _larger, lambda image: image])
def test_planted_copies_are_found_and_nothing_else(tmp_path: Path, change: Callable[[Image], Image]) -> None:
    scenes = _scenes(60)
    paths = _write(tmp_path, {f"{i:03}.jpg": scene for i, scene in enumerate(scenes)})
    copies = _write(tmp_path, {f"copy{i:03}.jpg": change(scenes[i]) for i in range(0, 60, 6)}, quality=45)
    pairs = near_duplicates(thumbnails([*paths, *copies], tmp_path))
    assert pairs == [(i, 60 + i // 6) for i in range(0, 60, 6)]


def test_agrees_with_comparing_all_pairs() -> None:
    rng = np.random.default_rng(3)
    scenes = np.stack([_shrink(scene)[..., 0] for scene in _scenes(150)])
    # Blends lie at every distance from their sources, also about the thresholds.
    weight = rng.choice([0.0, 0.1, 0.2, 0.3, 0.4], (300, 1, 1))
    first, second = rng.integers(0, 150, (2, 300))
    images = (scenes[first] * (1 - weight) + scenes[second] * weight).astype(np.uint8)
    images = images[np.unique(perceptual_hash(images), return_index=True)[1]]
    bits = np.unpackbits(perceptual_hash(images).view(np.uint8).reshape(-1, 8), axis=1)
    distance = (bits[:, None] != bits[None]).sum(axis=2)
    alike = np.corrcoef(images.reshape(len(images), -1)) >= LEAST_CORRELATION
    expected = np.argwhere(np.triu((distance <= MOST_BITS) & alike, 1))
    assert len(expected) > 30
    assert near_duplicates(images) == [(int(i), int(j)) for i, j in expected]


def test_plain_photos_are_nobodys_copy() -> None:
    images = np.full((20, SIDE, SIDE), 200, dtype=np.uint8)
    images[10:] = 0
    images += np.random.default_rng(0).integers(0, 3, images.shape, dtype=np.uint8)
    assert near_duplicates(images) == []
    assert near_duplicates(images[:0]) == []


def test_many_equal_photos_are_one_chain_quickly() -> None:
    images = np.repeat(_shrink(_scenes(1)[0])[None, ..., 0], 20_000, axis=0)
    assert near_duplicates(images) == [(i, i + 1) for i in range(19_999)]


def test_street_photos_have_three_pairs_of_the_same_scene(shared: Path, tmp_path: Path) -> None:
    paths = sorted((shared / "data/ccp/train").glob("*.jpg"))
    found = [(paths[a].stem, paths[b].stem) for a, b in near_duplicates(thumbnails(paths, tmp_path))]
    assert found == [("0078", "0984"), ("0594", "0722"), ("0692", "0732")]  # looked at: each pair is one person
