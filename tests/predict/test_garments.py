from __future__ import annotations

import numpy as np
import pytest

from imatfashion.masks.runs import decode_runs
from imatfashion.predict.garments import FoundGarment, garments_from_labels

CLASSES = 5


def flood(mask: np.ndarray) -> list[np.ndarray]:
    """8-connected components, pixel by pixel, in column-major order of their first pixel."""
    left = {(int(x), int(y)) for y, x in zip(*np.nonzero(mask), strict=True)}
    parts = []
    while left:
        part, border = np.zeros_like(mask), [min(left)]
        left.discard(border[0])
        while border:
            x, y = border.pop()
            part[y, x] = True
            for neighbour in [(x + dx, y + dy) for dx in (-1, 0, 1) for dy in (-1, 0, 1)]:
                if neighbour in left:
                    left.discard(neighbour)
                    border.append(neighbour)
        parts.append(part)
    return parts


def key(garment: FoundGarment, shape: tuple[int, int]) -> tuple[int, int, bytes]:
    return garment.layer, garment.class_index, decode_runs(garment.runs, *shape).tobytes()


@pytest.mark.parametrize("seed", range(20))
def test_garments_are_regions_or_flood_filled_components(seed: int) -> None:
    rng = np.random.default_rng(seed)
    shape = (int(rng.integers(1, 14)), int(rng.integers(1, 14)))
    labels = rng.choice([0, 1, 2, 3, 4, CLASSES, 255], size=(2, *shape)).astype(np.uint8)
    components = frozenset({1, 3})
    expected = []
    for layer in range(2):
        for index in range(CLASSES):
            mask = labels[layer] == index
            parts = flood(mask) if index in components else [mask] * bool(mask.any())
            expected += [(layer, index, part.tobytes()) for part in parts]
    found = garments_from_labels(labels, CLASSES, None, component_classes=components)
    assert [key(garment, shape) for garment in found] == expected
    assert all(garment.area == garment.runs.area and garment.score == 1.0 for garment in found)


def test_pieces_that_meet_only_across_a_column_break_stay_apart() -> None:
    labels = np.full((1, 4, 2), CLASSES, dtype=np.uint8)
    labels[0, 3, 0] = labels[0, 0, 1] = 2  # neighbours in a run list, not in the picture
    found = garments_from_labels(labels, CLASSES, None, component_classes={2})
    assert [(g.runs.starts.tolist(), g.runs.lengths.tolist()) for g in found] == [([3], [1]), ([4], [1])]
    (region,) = garments_from_labels(labels, CLASSES, None, component_classes=())
    assert (region.runs.starts.tolist(), region.runs.lengths.tolist()) == ([3], [2])


@pytest.mark.parametrize("components", [set(), {2}])
def test_a_map_of_one_pixel(components: set[int]) -> None:
    labels = np.full((1, 1, 1), 2, dtype=np.uint8)
    (garment,) = garments_from_labels(labels, CLASSES, None, component_classes=components)
    assert (garment.class_index, garment.area) == (2, 1)


def test_the_score_is_the_mean_confidence() -> None:
    labels = np.array([[[0, 0, 5], [5, 5, 0]]], dtype=np.uint8)
    confidence = np.array([[[0.5, 0.7, 0.1], [0.1, 0.1, 0.9]]], dtype=np.float32)
    (region,) = garments_from_labels(labels, CLASSES, confidence, component_classes=())
    assert region.score == pytest.approx(0.7)


def test_small_garments_are_left_out() -> None:
    labels = np.array([[[0, 5, 0, 0]]], dtype=np.uint8)
    (kept,) = garments_from_labels(labels, CLASSES, None, component_classes={0}, min_area=2)
    assert kept.area == 2


def test_maps_of_background_hold_no_garment() -> None:
    labels = np.full((2, 6, 6), CLASSES, dtype=np.uint8)
    assert garments_from_labels(labels, CLASSES, None, component_classes={0, 1}) == []
