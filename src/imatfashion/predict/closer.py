"""Where to look closer: the part of a photo in which a first look found garments.

Shape suffixes: L layers, C + 1 scores (background last), h × w pixels of the look.
"""

from __future__ import annotations

from itertools import accumulate

import torch
from torch import Tensor

from imatfashion.data.crop import crop_around
from imatfashion.masks.box import Box
from imatfashion.masks.view import View

_STRAY = 0.002
"""Share of the found pixels that may lie beyond each side of the crop: a few stray ones shall not widen it."""


@torch.inference_mode()
def found_crop(scores_LChw: Tensor, view: View, photo: tuple[int, int]) -> Box | None:
    """The part of a photo in which scores find garments, with a margin.

    Args:
        scores_LChw: scores, float (L, C + 1, h, w).
        view: where their pixels lie in the photo; all of the photo is in it.
        photo: height and width of the photo, pixels.

    Returns:
        The part, in the photo's pixels; None where no garment was found.
    """
    some_hw = torch.zeros(scores_LChw.shape[2:], dtype=torch.bool, device=scores_LChw.device)
    shown = view.shown(*photo)
    some_hw[shown] = (scores_LChw.argmax(1) < scores_LChw.shape[1] - 1).any(0)[shown]
    rows, columns = (_span(some_hw.sum(side).tolist()) for side in (1, 0))
    if rows is None or columns is None:
        return None
    found = Box(rows[0], columns[0], rows[1] - rows[0], columns[1] - columns[0])
    part = crop_around(found, (view.out_height, view.out_width), (view.height, view.width))
    # A padded view begins above or left of the photo.
    top, left = max(0, part.top + view.top), max(0, part.left + view.left)
    bottom = min(photo[0], part.top + view.top + part.height)
    right = min(photo[1], part.left + view.left + part.width)
    return Box(top, left, bottom - top, right - left) if bottom > top and right > left else None


def _span(counts: list[int]) -> tuple[int, int] | None:
    """From the first line to after the last, without the stray ones; None where there are no pixels."""
    stray = _STRAY * sum(counts)
    if not any(counts):
        return None
    return _beyond(counts, stray), len(counts) - _beyond(counts[::-1], stray)


def _beyond(counts: list[int], stray: float) -> int:
    """The first line up to which there are more pixels than the stray ones."""
    return next(index for index, upto in enumerate(accumulate(counts)) if upto > stray)
