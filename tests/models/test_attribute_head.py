from __future__ import annotations

import pytest
import torch

from imatfashion.errors import FashionError
from imatfashion.models.attribute_head import AttributeNetwork
from imatfashion.models.losses import attribute_loss
from imatfashion.models.pyramid import Pyramid
from imatfashion.models.segmenter import ABSENT

TINY = "test_resnet.r160_in1k"
ALLOWED = torch.tensor([[True, True, False], [False, True, True]])


def _tiny(**options) -> AttributeNetwork:
    torch.manual_seed(0)
    return AttributeNetwork(TINY, 2, 3, ALLOWED, embedding=16, **options).eval()


def _garments() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Image, regions, photo and class of three garments; the first and second on one photo."""
    torch.manual_seed(1)
    regions = torch.full((2, 1, 50, 70), -1, dtype=torch.int16)
    regions[0, 0, :20], regions[0, 0, 30:, 40:], regions[1, 0, 10:40, 20:50] = 0, 1, 2
    return torch.randn(2, 3, 50, 70), regions, torch.tensor([0, 0, 1]), torch.tensor([0, 0, 1])


@pytest.mark.parametrize("pooling", ["garment", "image"])
@pytest.mark.parametrize("class_given", [True, False])
def test_logits_of_every_garment_with_impossible_pairs_ruled_out(pooling: str, class_given: bool) -> None:
    image, regions, photo, classes = _garments()
    logits = _tiny(pooling=pooling, class_given=class_given)(image, regions, photo, classes)
    assert logits.shape == (3, 3)
    assert logits.dtype == torch.float32
    assert torch.equal(logits == ABSENT, ~ALLOWED[classes])


def test_garments_of_one_photo_and_class_differ_by_their_regions_alone() -> None:
    image, regions, photo, classes = _garments()
    by_garment = _tiny()(image, regions, photo, classes)
    by_image = _tiny(pooling="image")(image, regions, photo, classes)
    assert not torch.allclose(by_garment[0], by_garment[1])
    torch.testing.assert_close(by_image[0], by_image[1])


def test_the_class_matters_only_when_given() -> None:
    image, regions, photo, _ = _garments()
    for class_given in (True, False):
        network = _tiny(class_given=class_given)
        middle = [network(image, regions, photo, torch.full((3,), c))[:, 1] for c in (0, 1)]
        assert torch.allclose(*middle) is not class_given


def test_the_order_of_garments_and_photos_does_not_matter() -> None:
    image, regions, photo, classes = _garments()
    network = _tiny()
    wanted = network(image, regions, photo, classes)
    order = torch.tensor([2, 0, 1])  # garment `order[i]` becomes garment i
    renamed = torch.where(regions < 0, -1, order.argsort()[regions.clamp(min=0).long()]).to(torch.int16)
    found = network(image.flip(0), renamed.flip(0), 1 - photo[order], classes[order])
    torch.testing.assert_close(found, wanted[order])


def test_a_garment_without_pixels_is_judged_by_the_whole_photo() -> None:
    network, one = _tiny(), torch.zeros(1, dtype=torch.int64)
    image, everywhere = torch.randn(1, 3, 64, 64), torch.zeros(1, 1, 64, 64, dtype=torch.int16)
    with torch.no_grad():
        network.embed.weight[:, -1] = 0  # the area alone tells the two apart
    torch.testing.assert_close(network(image, everywhere - 1, one, one), network(image, everywhere, one, one))


def test_gradients_reach_everything_and_an_empty_batch_has_gradients_too() -> None:
    image, regions, photo, classes = _garments()
    network = _tiny().train()
    targets, known = torch.rand(3, 3) > 0.5, torch.ones(3, dtype=torch.bool)
    attribute_loss(network(image, regions, photo, classes), targets, known, ALLOWED, classes).total.backward()
    unused = [name for name, value in network.named_parameters() if value.grad is None]
    assert not [name for name in unused if not name.startswith("pyramid.encoder.")]
    none = torch.zeros(0, dtype=torch.int64)
    logits = network(image, torch.full_like(regions, -1), none, none)
    assert logits.shape == (0, 3)
    attribute_loss(logits, logits > 0, none.bool(), ALLOWED, none).total.backward()


def test_autocast_gives_float32_logits_close_to_those_without() -> None:
    image, regions, photo, classes = _garments()
    network = _tiny()
    wanted = network(image, regions, photo, classes)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = network(image, regions, photo, classes)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, wanted, atol=0.1, rtol=0.1)


def test_encoder_parameters_are_those_of_the_backbone() -> None:
    network = _tiny()
    named = dict(network.named_parameters())
    wanted = {id(value) for name, value in named.items() if name.startswith("pyramid.encoder.")}
    assert {id(value) for value in network.encoder_parameters()} == wanted
    assert 0 < len(wanted) < len(named)


def test_a_transformers_channels_last_maps_are_understood() -> None:
    pyramid = Pyramid("test_convnext.r160_in1k", 8).eval()
    assert pyramid(torch.randn(1, 3, 64, 96)).shape == (1, 8, 8, 12)


def test_what_cannot_be_built_is_said() -> None:
    with pytest.raises(FashionError, match="vit_tiny_patch16_224 has no feature map at stride 8"):
        Pyramid("vit_tiny_patch16_224", 8)
    with pytest.raises(ValueError, match=r"allowed_pairs is \(3, 2\), not \(2, 3\)"):
        AttributeNetwork(TINY, 2, 3, ALLOWED.T)
