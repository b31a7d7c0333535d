"""The two networks as files carry them: photos in as bytes, probabilities out.

Shape suffixes: B photos, L label layers, G garments, C classes, A attributes, H × W pixels, Y × X feature
cells.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from imatfashion.models.attribute_head import AttributeNetwork
from imatfashion.models.region_pool import boxes_of, geometry, weighted_mean
from imatfashion.models.segmenter import ABSENT, Segmenter, pad_to_stride
from imatfashion.models.spec import ModelSpec


class Normalise(nn.Module):
    """RGB pixels, 0 … 255 of any type (B, H, W, 3), to what the networks were trained on, float32 (B, 3, H, W).

    Args:
        spec: the network's description.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, spec: ModelSpec) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(spec.mean).view(1, 3, 1, 1) * 255)
        self.register_buffer("std", torch.tensor(spec.std).view(1, 3, 1, 1) * 255)

    def forward(self, image_BHWC: Tensor) -> Tensor:
        """The normalised photos."""
        return (image_BHWC.permute(0, 3, 1, 2).float() - self.mean) / self.std


class ClassGraph(nn.Module):
    """Probabilities of the classes, background last, for each pixel of each layer.

    Args:
        network: the segmenter, in evaluation mode.
        spec: its description.
    """

    def __init__(self, network: Segmenter, spec: ModelSpec) -> None:
        super().__init__()
        self.normalise, self.network = Normalise(spec), network

    def forward(self, image: Tensor) -> Tensor:
        """Probabilities, float32 (B, L, C + 1, H, W), of photos (B, H, W, 3)."""
        return torch.softmax(self.network(self.normalise(image)).float(), dim=2)


class AttributeGraph(nn.Module):
    """Probabilities of the attributes for each garment.

    A garment comes as a mask of its own. Counting its pixels in each feature cell is two products of matrices then:
    training scatters indices instead, whose sizes depend on the values, which graphs cannot express.

    Args:
        network: the attribute classifier, in evaluation mode.
        spec: its description.
    """

    def __init__(self, network: AttributeNetwork, spec: ModelSpec) -> None:
        super().__init__()
        self.normalise, self.network = Normalise(spec), network

    def forward(self, image: Tensor, masks: Tensor, garment_photo: Tensor, garment_class: Tensor) -> Tensor:
        """Probabilities of the attributes.

        Args:
            image: photos (B, H, W, 3).
            masks: bool (G, H, W).
            garment_photo: photo of each garment, int64 (G,).
            garment_class: class index of each garment, int64 (G,).

        Returns:
            float32 (G, A); a garment without pixels is judged by the whole photo.
        """
        net = self.network
        features = net.pyramid(pad_to_stride(self.normalise(image)))
        hidden = net.embed(self._pool(features, pad_to_stride(masks.float()), garment_photo))
        if net.class_embedding is not None:
            hidden = hidden + net.class_embedding(garment_class)
        logits: Tensor = net.classify(F.relu(hidden))
        return logits.masked_fill(~net.allowed_pairs[garment_class], ABSENT).sigmoid()

    def _pool(self, features_BEYX: Tensor, masks_GHW: Tensor, garment_photo_G: Tensor) -> Tensor:
        """What the head pools under each garment; `AttributeNetwork` does it from index maps."""
        if self.network.pooling == "image":
            return features_BEYX.mean((2, 3))[garment_photo_G]
        height, width = masks_GHW.shape[-2:]
        rows_YH, cols_XW = _cells(height, features_BEYX.shape[2]), _cells(width, features_BEYX.shape[3])
        # Whole numbers, exact in float32 in any order of additions.
        counts_GYX = rows_YH @ masks_GHW @ cols_XW.T
        nowhere = counts_GYX.sum((1, 2), keepdim=True) == 0
        weights = torch.where(nowhere, 1.0, counts_GYX)
        return torch.cat(
            [
                weighted_mean(features_BEYX, weights, garment_photo_G),
                weighted_mean(features_BEYX, boxes_of(weights), garment_photo_G),
                geometry(weights, height * width),
            ],
            dim=1,
        )


def _cells(pixels: int, cells: int) -> Tensor:
    """Which pixels lie in which cell along one side, float32 (cells, pixels) of 0 and 1."""
    cell_of_pixel = torch.arange(pixels) * cells // pixels
    return (cell_of_pixel == torch.arange(cells)[:, None]).float()
