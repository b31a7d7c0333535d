from __future__ import annotations

import pytest
import torch

from imatfashion.errors import FashionError
from imatfashion.models.segmenter import ABSENT, Segmenter, pad_to_stride

TINY = "test_resnet.r160_in1k"


def _tiny(layer_of_class=(0, 0, 0), **options) -> Segmenter:
    torch.manual_seed(0)
    return Segmenter("unet", TINY, len(layer_of_class), layer_of_class, decoder_width=32, **options).eval()


@pytest.mark.parametrize("size", [(64, 64), (33, 70), (1, 1)])
def test_any_size_gives_logits_of_that_size(size: tuple[int, int]) -> None:
    assert _tiny()(torch.randn(2, 3, *size)).shape == (2, 1, 4, *size)


def test_padding_changes_nothing_inside_a_multiple_of_the_stride() -> None:
    image = torch.randn(1, 3, 64, 96)
    assert pad_to_stride(image) is image
    padded = pad_to_stride(image[..., :50, :70])
    assert padded.shape == image.shape
    assert padded[..., 50:, :].count_nonzero() == 0
    assert torch.equal(padded[..., :50, :70], image[..., :50, :70])


def test_a_class_is_impossible_in_the_layer_that_it_is_not_of() -> None:
    network = _tiny((0, 1, 0))
    logits = network(torch.randn(2, 3, 32, 32))
    assert logits.shape == (2, 2, 4, 32, 32)
    impossible = (logits == ABSENT).flatten(3).all(3)
    assert impossible[0].tolist() == [[False, True, False, False], [True, False, True, False]]
    # Each output of the network is one (layer, class); both backgrounds are there.
    flat = network.network(torch.randn(1, 3, 32, 32))
    assert flat.shape[1] == 3 + 2


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_impossible_classes_stay_finite_in_half_precision(dtype: torch.dtype) -> None:
    logits = _tiny((0, 1))(torch.randn(1, 3, 32, 32)).to(dtype)
    assert logits.isfinite().all()
    assert logits.softmax(2).isfinite().all()
    assert logits.softmax(2)[0, 0, 1].max() == 0


def test_layers_spread_the_outputs_in_order() -> None:
    network = _tiny((0, 1, 0))
    image = torch.randn(1, 3, 32, 32)
    flat, logits = network.network(image), network(image)
    torch.testing.assert_close(logits[0, 0, [0, 2, 3]], flat[0, [0, 2, 3]])
    torch.testing.assert_close(logits[0, 1, [1, 3]], flat[0, [1, 4]])


def test_encoder_parameters_are_those_of_the_backbone() -> None:
    network = _tiny()
    named = dict(network.named_parameters())
    wanted = {id(value) for name, value in named.items() if name.startswith("network.encoder.")}
    assert {id(value) for value in network.encoder_parameters()} == wanted
    assert 0 < len(wanted) < len(named)


def test_layers_are_not_in_the_state_dict() -> None:
    assert all(key.startswith("network.") for key in _tiny((0, 1)).state_dict())


@pytest.mark.parametrize(
    ("width", "floor", "channels"),
    [(256, 16, [256, 128, 64, 32, 16]), (256, 32, [256, 128, 64, 32, 32]), (32, 64, [32, 32, 32, 32, 32])],
)
def test_the_width_is_halved_down_to_the_floor(width: int, floor: int, channels: list[int]) -> None:
    network = Segmenter("unet", TINY, 2, (0, 0), decoder_width=width, decoder_floor=floor).network
    assert [block.conv2[0].out_channels for block in network.decoder.blocks] == channels


@pytest.mark.parametrize("architecture", ["unetplusplus", "manet", "linknet", "fpn", "deeplabv3plus", "upernet"])
def test_other_architectures(architecture: str) -> None:
    network = Segmenter(architecture, TINY, 2, (0, 0), decoder_width=32).eval()
    assert network(torch.randn(1, 3, 64, 40)).shape == (1, 1, 3, 64, 40)


@pytest.mark.parametrize(
    ("architecture", "backbone", "sentence"),
    [
        ("unett", TINY, "model.architecture=unett is not known; take one of unet, "),
        ("unet", "resnet43", "model.backbone=resnet43 is not a timm backbone .* near names: resnet"),
        ("unet", "vit_tiny_patch16_224", "unet cannot be built over model.backbone=vit_tiny_patch16_224"),
        ("unet", "resnet34.bogus", "resnet34.bogus .*tag"),
    ],
)
def test_what_cannot_be_built_is_said(architecture: str, backbone: str, sentence: str) -> None:
    with pytest.raises(FashionError, match=sentence):
        Segmenter(architecture, backbone, 2, (0, 0))


def test_a_layer_for_every_class() -> None:
    with pytest.raises(ValueError, match="2 layers are given for 3 classes"):
        Segmenter("unet", TINY, 3, (0, 0))
