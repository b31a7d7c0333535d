"""The class segmenter: an encoder-decoder of segmentation-models-pytorch over a timm backbone.

Shape suffixes: B photos, L label layers, C classes without background, H rows, W columns.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import segmentation_models_pytorch as smp
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from imatfashion.errors import FashionError
from imatfashion.models.weights import backbone_name, load_backbone_weights

ABSENT = -1e4
"""Logit of what cannot be: its probability is 0 in every precision, and float16 still holds it."""

STRIDE = 32
"""Photos are padded to multiples of this inside the networks."""


class Segmenter(nn.Module):
    """Logits of a class, or of background, for each pixel of each label layer.

    Every class lies in one layer, so the network has one output a class and one background a layer; in the other
    layers the class's logit is −1e4.

    Args:
        architecture: an smp name: unet, unetplusplus, manet, linknet, fpn, pan, deeplabv3, deeplabv3plus, pspnet,
            upernet or segformer.
        backbone: a timm name.
        num_classes: C, background not counted.
        layer_of_class: the layer of each class, 0 … L − 1; all 0 for one layer.
        weights: the backbone's weights, see `load_backbone_weights`.
        decoder_width: channels of the first decoder block; in U-Nets each later block has half.
        decoder_floor: channels that no block of a U-Net goes below: a last block much narrower than the number of
            classes learns slowly.

    Raises:
        FashionError: unknown architecture or backbone, a backbone without usable feature maps, or weights that
            cannot be had or do not fit.
    """

    layer_index: Tensor
    absent: Tensor

    def __init__(
        self,
        architecture: str,
        backbone: str,
        num_classes: int,
        layer_of_class: Sequence[int],
        weights: str = "none",
        decoder_width: int = 256,
        decoder_floor: int = 32,
    ) -> None:
        super().__init__()
        if len(layer_of_class) != num_classes:
            raise ValueError(f"{len(layer_of_class)} layers are given for {num_classes} classes")
        self.num_classes = num_classes
        self.layers = max(layer_of_class, default=0) + 1
        self.network = _make_network(architecture, backbone, num_classes + self.layers, decoder_width, decoder_floor)
        load_backbone_weights(self.network.encoder, weights, backbone)
        index, absent = _layer_maps(layer_of_class, self.layers)
        # Not persistent: the spec beside the weights says which class lies where.
        self.register_buffer("layer_index", index, persistent=False)
        self.register_buffer("absent", absent, persistent=False)

    def forward(self, image_BCHW: Tensor) -> Tensor:
        """Logits (B, L, C + 1, H, W), background last, of normalised photos (B, 3, H, W) of any size."""
        height, width = image_BCHW.shape[-2:]
        flat: Tensor = self.network(pad_to_stride(image_BCHW))[..., :height, :width]
        if self.layers == 1:
            return flat.unsqueeze(1)
        spread = flat.index_select(1, self.layer_index)
        spread = spread.view(-1, self.layers, self.num_classes + 1, height, width)
        return torch.where(self.absent[:, :, None, None], ABSENT, spread)

    def encoder_parameters(self) -> Iterator[nn.Parameter]:
        """Parameters of the pretrained backbone."""
        yield from self.network.encoder.parameters()


def pad_to_stride(image_BCHW: Tensor, value: float = 0.0) -> Tensor:
    """Pad below and on the right to multiples of the stride; 0 is the mean colour of a normalised photo."""
    height, width = image_BCHW.shape[-2:]
    below, right = -height % STRIDE, -width % STRIDE
    return F.pad(image_BCHW, (0, right, 0, below), value=value) if below or right else image_BCHW


def _layer_maps(layer_of_class: Sequence[int], layers: int) -> tuple[Tensor, Tensor]:
    """Output channel under each (layer, class), int64 (L · (C + 1),), and which of them are absent, bool (L, C + 1)."""
    num_classes = len(layer_of_class)
    channels = torch.arange(num_classes + 1).repeat(layers, 1)
    channels[:, num_classes] = num_classes + torch.arange(layers)
    absent = torch.zeros(layers, num_classes + 1, dtype=torch.bool)
    absent[:, :num_classes] = torch.tensor(layer_of_class)[None] != torch.arange(layers)[:, None]
    return channels.flatten(), absent


def _make_network(architecture: str, backbone: str, outputs: int, width: int, floor: int) -> smp.base.SegmentationModel:
    options = _decoder_options(architecture, width, floor)
    name = backbone_name(backbone)
    try:
        # None, not False: smp downloads weights for anything that is not None.
        return smp.create_model(architecture, f"tu-{name}", encoder_weights=None, classes=outputs, **options)
    except (RuntimeError, ValueError, TypeError, AttributeError, AssertionError, KeyError) as error:
        raise FashionError(
            f"model.architecture={architecture} cannot be built over model.backbone={backbone} ({error}); "
            "take a backbone with feature maps at strides 2 or 4 to 32, such as resnet34"
        ) from error


def _decoder_options(architecture: str, width: int, floor: int) -> dict[str, object]:
    """How each smp architecture is told its width, so that its default (256 where it has one) stays the default."""
    blocks = tuple(max(min(width, floor), width >> step) for step in range(5))
    options: dict[str, dict[str, object]] = {
        "unet": {"decoder_channels": blocks},
        "unetplusplus": {"decoder_channels": blocks},
        "manet": {"decoder_channels": blocks},
        "linknet": {},
        # FPN's blocks normalise in 32 groups.
        "fpn": {"decoder_pyramid_channels": width, "decoder_segmentation_channels": 32 * max(1, width // 64)},
        "pan": {"decoder_channels": max(1, width // 8)},
        "deeplabv3": {"decoder_channels": width},
        "deeplabv3plus": {"decoder_channels": width},
        "pspnet": {"psp_out_channels": 2 * width},
        "upernet": {"decoder_channels": width},
        "segformer": {"decoder_segmentation_channels": width},
    }
    if architecture not in options:
        raise FashionError(f"model.architecture={architecture} is not known; take one of {', '.join(options)}")
    return options[architecture]
