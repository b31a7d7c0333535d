from __future__ import annotations

import pytest
import torch

from imatfashion.models.region_pool import boxes_of, cell_weights, geometry, weighted_mean


def _regions(seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Five garments on three photos in no order, two layers; photo 2 has one, garment 4 has no pixel."""
    torch.manual_seed(seed)
    photo = torch.tensor([1, 0, 2, 0, 1])
    regions = torch.full((3, 2, 21, 34), -1, dtype=torch.int16)
    for index in range(3):
        own = [-1, *(g for g in range(4) if photo[g] == index)]
        regions[index] = torch.tensor(own, dtype=torch.int16)[torch.randint(0, len(own), regions.shape[1:])]
    return regions, photo


@pytest.mark.parametrize("cells", [(3, 5), (21, 34), (1, 1), (40, 50)])
def test_weights_count_each_garments_pixels_in_each_cell(cells: tuple[int, int]) -> None:
    regions, photo = _regions()
    found = cell_weights(regions, photo, cells)
    wanted = torch.zeros(5, *cells)
    for b, layer, y, x in (regions >= 0).nonzero().tolist():
        wanted[regions[b, layer, y, x], y * cells[0] // 21, x * cells[1] // 34] += 1
    assert torch.equal(found, wanted)


def test_a_single_pixel_has_one_cell() -> None:
    regions = torch.full((1, 1, 64, 64), -1, dtype=torch.int16)
    regions[0, 0, 63, 17] = 0
    weights = cell_weights(regions, torch.tensor([0]), (8, 8))
    assert weights.nonzero().tolist() == [[0, 7, 2]]


def test_no_garments() -> None:
    regions = torch.full((2, 1, 8, 8), -1, dtype=torch.int16)
    none = torch.zeros(0, dtype=torch.int64)
    weights = cell_weights(regions, none, (2, 2))
    assert weights.shape == (0, 2, 2)
    assert weighted_mean(torch.randn(2, 3, 2, 2), weights, none).shape == (0, 3)
    assert geometry(weights, 64).shape == (0, 5)


def test_the_weighted_mean_is_the_mean_over_the_garments_pixels() -> None:
    regions, photo = _regions()
    features = torch.randn(3, 4, 21, 34)
    pooled = weighted_mean(features, cell_weights(regions, photo, (21, 34)), photo)
    for garment in range(4):
        b = int(photo[garment])
        values = [features[b][:, regions[b, layer] == garment] for layer in range(2)]
        torch.testing.assert_close(pooled[garment], torch.cat(values, dim=1).mean(1))
    assert pooled[4].count_nonzero() == 0


def test_box_and_geometry_of_a_rectangle() -> None:
    weights = torch.zeros(1, 10, 20)
    weights[0, 2, 3] = weights[0, 5, 8] = 8.0
    box = boxes_of(weights)
    assert box.sum() == 4 * 6
    assert box[0, 2:6, 3:9].min() == 1
    torch.testing.assert_close(geometry(weights, 160)[0], torch.tensor([0.4, 0.3, 0.4, 0.3, 0.1]))
