"""Pooling of features under garments, without a loop over them.

Shape suffixes: B photos, L label layers, K most garments of a photo, G garments of the batch, E channels, H × W pixels,
Y × X cells of the feature map.
"""

from __future__ import annotations

import torch
from torch import Tensor


def cell_weights(regions_BLHW: Tensor, garment_photo_G: Tensor, cells: tuple[int, int]) -> Tensor:
    """How much of each feature cell each garment covers.

    A garment of a single pixel still has one cell, whatever the stride.

    Args:
        regions_BLHW: index of the batch's garment under each pixel, −1 for none; any signed integer type.
        garment_photo_G: photo of each garment, int64.
        cells: rows Y and columns X of the feature map.

    Returns:
        float32 (G, Y, X): pixels of the garment in the cell; all 0 for a garment without pixels.
    """
    photos, garments = regions_BLHW.shape[0], len(garment_photo_G)
    slots, most = _slots(garment_photo_G, photos)
    # One slot more takes the pixels of no garment, so that every shape is known before the pixels are looked at.
    slot_of = torch.cat([slots, slots.new_full((1,), most)])
    regions = regions_BLHW.long()
    slot = slot_of[torch.where(regions < 0, garments, regions)]
    counts = torch.zeros((photos, (most + 1) * cells[0] * cells[1]), device=regions.device)
    index = slot * (cells[0] * cells[1]) + _cell_of_pixel(regions_BLHW, cells)
    # Counts are whole numbers, exact in float32: the order of the additions does not matter.
    counts.scatter_add_(1, index.flatten(1), torch.ones((), device=counts.device).expand_as(index).flatten(1))
    return counts.view(photos, most + 1, *cells)[garment_photo_G, slots]


def _slots(garment_photo_G: Tensor, photos: int) -> tuple[Tensor, int]:
    """Number of each garment within its photo, int64 (G,), and the most garments of a photo."""
    order = garment_photo_G.argsort(stable=True)
    counts = torch.zeros(photos, dtype=torch.int64, device=order.device)
    counts.scatter_add_(0, garment_photo_G, torch.ones_like(garment_photo_G))
    first = counts.cumsum(0) - counts
    slots = torch.empty_like(order)
    slots[order] = torch.arange(len(order), device=order.device) - first[garment_photo_G[order]]
    return slots, int(counts.max())


def _cell_of_pixel(regions_BLHW: Tensor, cells: tuple[int, int]) -> Tensor:
    height, width = regions_BLHW.shape[-2:]
    rows = torch.arange(height, device=regions_BLHW.device) * cells[0] // height
    columns = torch.arange(width, device=regions_BLHW.device) * cells[1] // width
    return rows[:, None] * cells[1] + columns


def boxes_of(weights_GYX: Tensor) -> Tensor:
    """The box of cells around each garment, float32 (G, Y, X) of 0 and 1."""
    covered = weights_GYX > 0
    return (_span(covered.any(2)).unsqueeze(2) & _span(covered.any(1)).unsqueeze(1)).float()


def _span(hit_GN: Tensor) -> Tensor:
    """From the first to the last hit, bool (G, N)."""
    hits = hit_GN.int()
    return (hits.cumsum(1) > 0) & (hits.flip(1).cumsum(1) > 0).flip(1)


def geometry(weights_GYX: Tensor, pixels: int) -> Tensor:
    """Where and how large a garment is, as shares of the map: centre, height, width, area; float32 (G, 5)."""
    box = boxes_of(weights_GYX)
    rows, columns = box.amax(2), box.amax(1)
    area = weights_GYX.sum((1, 2)) / pixels
    return torch.stack([_centre(rows), _centre(columns), rows.mean(1), columns.mean(1), area], dim=1)


def _centre(span_GN: Tensor) -> Tensor:
    places = (torch.arange(span_GN.shape[1], device=span_GN.device) + 0.5) / span_GN.shape[1]
    return (span_GN * places).sum(1) / span_GN.sum(1).clamp(min=1)


def weighted_mean(features_BEYX: Tensor, weights_GYX: Tensor, garment_photo_G: Tensor) -> Tensor:
    """Mean features of each garment's photo under its weights, float32 (G, E); 0 where all weights are 0."""
    weights = weights_GYX.flatten(1) / weights_GYX.sum((1, 2)).clamp(min=1e-6).unsqueeze(1)
    return torch.einsum("gn,gen->ge", weights, features_BEYX.float().flatten(2)[garment_photo_G])
