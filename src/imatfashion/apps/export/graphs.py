"""The two networks as files carry them: photos in as bytes, probabilities out.

Shape suffixes: B photos, L label layers, G garments, C classes, A attributes, H × W pixels, Y × X feature
cells.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from imatfashion.models.attribute_head import AttributeNetwork
from imatfashion.models.normalise import Normalise
from imatfashion.models.segmenter import Segmenter, pad_to_stride
from imatfashion.models.spec import ModelSpec


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
        return torch.softmax(self.network(self.normalise(image.permute(0, 3, 1, 2))).float(), dim=2)


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
        features = net.pyramid(pad_to_stride(self.normalise(image.permute(0, 3, 1, 2))))
        masks_GHW = pad_to_stride(masks.float())
        height, width = masks_GHW.shape[-2:]
        weights = _counts(masks_GHW, features.shape[2], features.shape[3]) if net.pooling == "garment" else None
        pooled = net.pool(features, weights, garment_photo, pixels=height * width)
        return net.judge(pooled, garment_class).sigmoid()


def _counts(masks_GHW: Tensor, rows: int, columns: int) -> Tensor:
    """Pixels of each garment in each feature cell, float32 (G, rows, columns); `cell_weights` of index maps."""
    height, width = masks_GHW.shape[-2:]
    # Whole numbers, exact in float32 in any order of additions.
    return _cells(height, rows) @ masks_GHW @ _cells(width, columns).T


def _cells(pixels: int, cells: int) -> Tensor:
    """Which pixels lie in which cell along one side, float32 (cells, pixels) of 0 and 1."""
    cell_of_pixel = torch.arange(pixels) * cells // pixels
    return (cell_of_pixel == torch.arange(cells)[:, None]).float()
