"""The attribute classifier: which attributes each garment of a photo has.

Shape suffixes: B photos, L label layers, G garments of the batch, A attributes, C classes, E embedding channels.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from imatfashion.models.pyramid import Pyramid
from imatfashion.models.region_pool import boxes_of, cell_weights, geometry, weighted_mean
from imatfashion.models.segmenter import ABSENT, pad_to_stride

_RARE = -2.0  # first bias of every attribute, a probability of 0.12: most garments lack most attributes
_GEOMETRY = 5


class AttributeNetwork(nn.Module):
    """Logits of every attribute for every garment.

    Features are pooled under the garment's mask, which sees its cloth, and over the box around it, which sees where
    it ends (sleeve and hem); place and size of the mask come beside them.

    Args:
        backbone: a timm name.
        num_classes: C, background not counted.
        num_attributes: A.
        allowed_pairs: bool (C, A): whether a class can have an attribute; other pairs get −1e4.
        pooling: `garment`, or `image` to pool over the whole photo (the notebooks' way, kept to compare with).
        class_given: the head knows the garment's class.
        weights: the backbone's weights, see `load_backbone_weights`.
        embedding: E.
        dropout: before the last layer.

    Raises:
        FashionError: unknown or unusable backbone, or weights that cannot be had or do not fit.
    """

    allowed_pairs: Tensor

    def __init__(
        self,
        backbone: str,
        num_classes: int,
        num_attributes: int,
        allowed_pairs: Tensor,
        pooling: str = "garment",
        class_given: bool = True,
        weights: str = "none",
        embedding: int = 256,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        if tuple(allowed_pairs.shape) != (num_classes, num_attributes):
            raise ValueError(f"allowed_pairs is {tuple(allowed_pairs.shape)}, not {(num_classes, num_attributes)}")
        self.pooling = pooling
        self.pyramid = Pyramid(backbone, embedding, weights)
        pooled = embedding if pooling == "image" else 2 * embedding + _GEOMETRY
        self.embed = nn.Linear(pooled, embedding)
        self.class_embedding = nn.Embedding(num_classes, embedding) if class_given else None
        self.dropout = nn.Dropout(dropout)
        self.classify = nn.Linear(embedding, num_attributes)
        nn.init.constant_(self.classify.bias, _RARE)
        # Not persistent: the spec beside the weights has the pairs.
        self.register_buffer("allowed_pairs", allowed_pairs.bool(), persistent=False)

    def forward(
        self, image_BCHW: Tensor, regions_BLHW: Tensor, garment_photo_G: Tensor, garment_class_G: Tensor
    ) -> Tensor:
        """Attribute logits.

        Args:
            image_BCHW: normalised photos, float (B, 3, H, W), any size.
            regions_BLHW: index of the batch's garment under each pixel, −1 for none; int16 (B, L, H, W).
            garment_photo_G: photo of each garment, int64 (G,).
            garment_class_G: class of each garment, int64 (G,).

        Returns:
            float32 (G, A); a garment without pixels is judged by the whole photo.
        """
        features = self.pyramid(pad_to_stride(image_BCHW))
        regions = pad_to_stride(regions_BLHW, -1)
        height, width = regions.shape[-2:]
        with torch.autocast(features.device.type, enabled=False):
            weights = None
            if self.pooling == "garment":
                rows, columns = features.shape[-2:]
                weights = cell_weights(regions, garment_photo_G, (rows, columns))
            pooled = self.pool(features, weights, garment_photo_G, pixels=height * width)
        return self.judge(pooled, garment_class_G)

    def pool(
        self, features_BEYX: Tensor, weights_GYX: Tensor | None, garment_photo_G: Tensor, *, pixels: int
    ) -> Tensor:
        """What the head judges a garment by.

        Args:
            features_BEYX: the pyramid's features, float.
            weights_GYX: pixels of each garment in each feature cell, float32; None to pool over the whole photo.
            garment_photo_G: photo of each garment, int64.
            pixels: pixels of the map that the garments lie on.

        Returns:
            float32 (G, E) of the whole photo, or (G, 2 E + 5) under the garment, over its box, and its geometry.
        """
        if weights_GYX is None:
            return features_BEYX.float().mean((2, 3))[garment_photo_G]
        nowhere = weights_GYX.sum((1, 2), keepdim=True) == 0
        weights = torch.where(nowhere, 1.0, weights_GYX)
        return torch.cat(
            [
                weighted_mean(features_BEYX, weights, garment_photo_G),
                weighted_mean(features_BEYX, boxes_of(weights), garment_photo_G),
                geometry(weights, pixels),
            ],
            dim=1,
        )

    def judge(self, pooled: Tensor, garment_class_G: Tensor) -> Tensor:
        """Attribute logits, float32 (G, A), from what `pool` gives."""
        hidden = self.embed(pooled)
        if self.class_embedding is not None:
            hidden = hidden + self.class_embedding(garment_class_G)
        logits: Tensor = self.classify(self.dropout(F.relu(hidden)))
        return logits.float().masked_fill(~self.allowed_pairs[garment_class_G], ABSENT)

    def encoder_parameters(self) -> Iterator[nn.Parameter]:
        """Parameters of the pretrained backbone."""
        yield from self.pyramid.encoder.parameters()
