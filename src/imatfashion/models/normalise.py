"""From pixels to what the networks were trained on."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from imatfashion.models.spec import ModelSpec


class Normalise(nn.Module):
    """RGB pixels, 0 … 255 of any type (B, 3, H, W), to what a network was trained on, float32 (B, 3, H, W).

    Args:
        spec: the network's description.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, spec: ModelSpec) -> None:
        super().__init__()
        # Not persistent: the spec beside the weights has them.
        self.register_buffer("mean", torch.tensor(spec.mean).view(1, 3, 1, 1) * 255, persistent=False)
        self.register_buffer("std", torch.tensor(spec.std).view(1, 3, 1, 1) * 255, persistent=False)

    def forward(self, image_BCHW: Tensor) -> Tensor:
        """The normalised photos."""
        return (image_BCHW.float() - self.mean) / self.std
