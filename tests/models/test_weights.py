from __future__ import annotations

from pathlib import Path

import pytest
import timm
import torch
from huggingface_hub import constants
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from imatfashion.errors import FashionError
from imatfashion.models import weights as weights_module
from imatfashion.models.pyramid import Pyramid
from imatfashion.models.segmenter import Segmenter
from imatfashion.models.weights import backbone_name, load_backbone_weights, normalization

TINY = "test_resnet.r160_in1k"


def _state(name: str, *, head: bool = True) -> dict[str, Tensor]:
    torch.manual_seed(1)
    state = timm.create_model(name, pretrained=False).state_dict()
    return {key: value for key, value in state.items() if head or not key.startswith(("fc.", "head."))}


@pytest.mark.parametrize("backbone", [TINY, "test_convnext.r160_in1k"])
@pytest.mark.parametrize("head", [True, False])
def test_a_file_under_timms_names_fills_both_networks(tmp_path: Path, backbone: str, head: bool) -> None:
    # ConvNeXt's feature network spells its names otherwise than the whole network does.
    state = _state(backbone, head=head)
    save_file(state, tmp_path / "w.safetensors")
    whole = timm.create_model(backbone, pretrained=False).eval()
    whole.load_state_dict(state, strict=False)
    image = torch.randn(1, 3, 64, 64)
    wanted = whole.forward_intermediates(image, intermediates_only=True)[-1]
    path = str(tmp_path / "w.safetensors")
    segmenter = Segmenter("unet", backbone, 2, (0, 0), path, 32).eval()
    torch.testing.assert_close(segmenter.network.encoder(image)[-1], wanted)
    pyramid = Pyramid(f"tu-{backbone}", 16, path).eval()
    torch.testing.assert_close(pyramid.encoder(image)[-1], wanted)


def test_real_weights_fill_every_tensor_of_the_encoder(shared: Path) -> None:
    path = shared / "weights" / "tf_efficientnet_lite0.safetensors"
    file = load_file(path)
    network = Segmenter("unet", "tf_efficientnet_lite0", 2, (0, 0), str(path), 32)
    own = {
        key: value
        for key, value in network.network.encoder.model.state_dict().items()
        if not key.endswith("num_batches_tracked")
    }
    assert all(torch.equal(value, file[key]) for key, value in own.items())
    assert {key.split(".")[0] for key in file.keys() - own.keys()} == {"bn2", "classifier", "conv_head"}


def test_a_checkpoint_of_either_stage_gives_its_backbone(tmp_path: Path) -> None:
    torch.manual_seed(2)
    segmenter, pyramid = Segmenter("unet", TINY, 2, (0, 0), "none", 32), Pyramid(TINY, 16)
    for network in (segmenter, pyramid):
        state = {f"network.{name}": value for name, value in network.state_dict().items()}
        torch.save({"state_dict": state}, tmp_path / "w.ckpt")
        image, path = torch.randn(1, 3, 64, 64), str(tmp_path / "w.ckpt")
        encoder = network.network.encoder if isinstance(network, Segmenter) else network.encoder
        wanted = encoder.eval()(image)[-1]
        torch.testing.assert_close(Segmenter("unet", TINY, 2, (0, 0), path).network.encoder.eval()(image)[-1], wanted)
        torch.testing.assert_close(Pyramid(TINY, 8, path).encoder.eval()(image)[-1], wanted)
    with pytest.raises(FashionError, match=r"w\.ckpt does not fit backbone resnet18"):
        Pyramid("resnet18", 8, path)


def test_another_backbones_file_is_refused_with_counts(tmp_path: Path) -> None:
    save_file(_state("resnet18"), tmp_path / "w.safetensors")
    with pytest.raises(FashionError, match=r"w.safetensors does not fit .*of its \d+ tensors \d+ are missing and \d+ "):
        Segmenter("unet", TINY, 2, (0, 0), str(tmp_path / "w.safetensors"))


def test_a_refused_file_leaves_the_network_as_it_was(tmp_path: Path) -> None:
    state = _state(TINY)
    state["conv1.0.weight" if "conv1.0.weight" in state else "conv1.weight"] = torch.zeros(1)
    save_file(state, tmp_path / "w.safetensors")
    encoder = timm.create_model(TINY, pretrained=False, features_only=True)
    before = {key: value.clone() for key, value in encoder.state_dict().items()}
    with pytest.raises(FashionError, match="0 are missing and 1 have another shape"):
        load_backbone_weights(encoder, str(tmp_path / "w.safetensors"), TINY)
    assert all(torch.equal(value, before[key]) for key, value in encoder.state_dict().items())


@pytest.mark.parametrize("content", [None, b"", b"not weights", b"\xff" * 64])
def test_a_file_that_is_none_names_the_ways_out(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "w.safetensors"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(FashionError, match=r"w.safetensors is not a .*model.weights=none"):
        load_backbone_weights(nn.Identity(), str(path), TINY)


def test_none_leaves_the_weights() -> None:
    load_backbone_weights(nn.Identity(), "none", TINY)


def test_without_a_network_the_ways_out_are_named_at_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:1")  # nobody listens there
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(FashionError, match=r"cannot be had .*network.*FILE.safetensors.*model.weights=none"):
        load_backbone_weights(nn.Identity(), "imagenet", "resnet18")


def test_cached_weights_need_no_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    state = _state(TINY)
    save_file(state, tmp_path / "model.safetensors")
    cached = {("timm/test_resnet.r160_in1k", "model.safetensors"): str(tmp_path / "model.safetensors")}
    monkeypatch.setattr(weights_module, "try_to_load_from_cache", lambda *key: cached.get(key))
    encoder = timm.create_model(TINY, pretrained=False, features_only=True)
    load_backbone_weights(encoder, "imagenet", TINY)
    assert all(torch.equal(value, state[key]) for key, value in encoder.state_dict().items())


def test_normalization_is_the_weights_own() -> None:
    assert normalization("tu-tf_efficientnet_lite0") == ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
    assert normalization("resnet34") == ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


def test_a_leading_tu_means_the_same() -> None:
    assert backbone_name("tu-resnet34") == backbone_name("resnet34") == "resnet34"
