"""Classes of which a photo has too little to be true give way to what else is likely at their pixels.

A network that doubts between two classes gives each a piece of the same garment. The smaller piece is no garment, and
its pixels belong to one that is there.

Shape suffixes: L layers, C + 1 scores (background last), h × w pixels of the view, N = h · w.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from imatfashion.masks.view import View
from imatfashion.models.segmenter import ABSENT


@torch.inference_mode()
def give_way(scores_LChw: Tensor, view: View, photo: tuple[int, int], typical: Sequence[float], share: float) -> Tensor:
    """Take the classes of which too little is found out of a photo's scores, one after the other.

    The class that is smallest beside what is typical of it goes first; its pixels take the best of the others, which
    may save one that was too small before. It ends when every class that is left is large enough.

    Args:
        scores_LChw: scores before softmax, float32 (L, C + 1, h, w).
        view: where their pixels lie in the photo.
        photo: height and width of the photo, pixels.
        typical: share of a photo that each class typically has where it is there, (C,); 0 for a class that stays.
        share: part of the typical that a class must have to stay.

    Returns:
        The scores, −10⁴ for a class that has given way; the tensor itself where none has.
    """
    pixel = view.height * view.width / scores_LChw[0, 0].numel() / (photo[0] * photo[1])
    # Pixels that each class must have; the background needs none.
    wanted = torch.tensor([*typical, 0.0], dtype=torch.float64, device=scores_LChw.device) * (share / pixel)
    rows, columns = view.shown(*photo)
    gone = [_too_small(scores_Chw[:, rows, columns].flatten(1), wanted) for scores_Chw in scores_LChw]
    if not any(gone):
        return scores_LChw
    settled = scores_LChw.clone()
    for scores_Chw, indices in zip(settled, gone, strict=True):
        scores_Chw[indices] = ABSENT
    return settled


def _too_small(scores_CN: Tensor, wanted: Tensor) -> list[int]:
    """The classes of a layer that give way, in their order."""
    labels = scores_CN.argmax(dim=0)
    gone: list[int] = []
    left = torch.ones(len(scores_CN), dtype=torch.bool, device=scores_CN.device)
    while True:
        counts = labels.bincount(minlength=len(scores_CN)).double()
        lacking = torch.where((counts > 0) & (counts < wanted), counts / wanted, torch.inf)
        smallest = int(lacking.argmin())
        if torch.isinf(lacking[smallest]):
            return gone
        gone.append(smallest)
        left[smallest] = False
        here = (labels == smallest).nonzero()[:, 0]
        labels[here] = scores_CN[:, here].masked_fill(~left[:, None], ABSENT).argmax(dim=0)
