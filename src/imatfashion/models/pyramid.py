"""One feature map per photo, at stride 8, from a timm backbone: an FPN's sum of the levels at strides 8, 16 and 32."""

from __future__ import annotations

from typing import Any

import timm
import torch.nn.functional as F
from torch import Tensor, nn

from imatfashion.errors import FashionError
from imatfashion.models.weights import backbone_name, load_backbone_weights

_STRIDES = (8, 16, 32)


class Pyramid(nn.Module):
    """The backbone and the fused map (Lin et al. 2017, the top-down sum alone, at its finest level).

    Args:
        backbone: a timm name.
        channels: channels of the fused map.
        weights: the backbone's weights, see `load_backbone_weights`.

    Raises:
        FashionError: unknown backbone, one without feature maps at stride 8, or weights that do not fit.
    """

    def __init__(self, backbone: str, channels: int, weights: str = "none") -> None:
        super().__init__()
        encoder = _make_encoder(backbone)
        load_backbone_weights(encoder, weights, backbone)
        self.encoder: nn.Module = encoder
        info = encoder.feature_info
        self.levels = [level for level, stride in enumerate(info.reduction()) if stride in _STRIDES]
        self.channels_last = getattr(encoder, "output_fmt", None) == "NHWC"
        self.lateral = nn.ModuleList(nn.Conv2d(info.channels()[level], channels, 1) for level in self.levels)
        self.fuse = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels), nn.ReLU(inplace=True)
        )

    def forward(self, image_BCHW: Tensor) -> Tensor:
        """Features (B, channels, H / 8, W / 8)."""
        features = self.encoder(image_BCHW)
        fused: Tensor | None = None
        for level, lateral in reversed(list(zip(self.levels, self.lateral, strict=True))):
            feature = features[level].permute(0, 3, 1, 2) if self.channels_last else features[level]
            here = lateral(feature)
            fused = here if fused is None else here + F.interpolate(fused, size=here.shape[-2:])
        out: Tensor = self.fuse(fused)
        return out


def _make_encoder(backbone: str) -> Any:  # a module with timm's `feature_info`; timm is not typed
    name = backbone_name(backbone)
    try:
        encoder: Any = timm.create_model(name, pretrained=False, features_only=True)
    except (RuntimeError, ValueError, TypeError, AttributeError, AssertionError) as error:
        raise FashionError(f"model.backbone={backbone} has no feature maps ({error}); take resnet34, say") from error
    if _STRIDES[0] not in encoder.feature_info.reduction():
        raise FashionError(f"model.backbone={backbone} has no feature map at stride 8; take resnet34, say")
    return encoder
