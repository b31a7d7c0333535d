"""Whether a network can train as the run means to, found out from shapes alone.

On torch's meta device tensors have shapes and types but no numbers: a step there takes a moment at any resolution,
no memory, and nothing of the random state.
"""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from imatfashion.config.schema import Config
from imatfashion.data.plain_text import brief
from imatfashion.errors import FashionError
from imatfashion.models.attribute_head import AttributeNetwork
from imatfashion.models.segmenter import Segmenter, pad_to_stride
from imatfashion.training.device import DeviceSettings

_FAULTS = (RuntimeError, ValueError, AssertionError, TypeError, IndexError)
"""What networks raise on photos of a size or number that they cannot take."""


def check_network(network: nn.Module, config: Config, settings: DeviceSettings) -> None:
    """Refuse a network that can be built but not trained at the run's resolution and per-device batch.

    A network of the user's own is not refused: what it may do with numbers, the meta device cannot.

    Args:
        network: what is trained, in the mode that it is trained in; it stays as it is.
        config: the run's config.
        settings: how the run uses its device.

    Raises:
        FashionError: a step of the network fails.
    """
    if type(network) not in (Segmenter, AttributeNetwork):
        return
    fault = _fault_of(network, config, settings, settings.micro_batch)
    if fault is None:
        return
    which = _name(config)
    if settings.micro_batch == 1 and _fault_of(network, config, settings, 2) is None:
        share = settings.devices * settings.nodes
        raise FashionError(
            f"{which} cannot be trained with one photo a step at resolution={config.resolution} "
            f"(gpu.per_device_batch=1; {fault}): give gpu.per_device_batch=2 with a batch_size that is a multiple of "
            f"{2 * share} (here it is {config.batch_size}), or model.freeze_norm=all"
        ) from fault
    other = "another model.architecture or" if config.stage.name == "classes" else "another"
    alone = " with gpu.per_device_batch=1" if settings.micro_batch == 1 else ""
    raise FashionError(
        f"{which} cannot be trained at resolution={config.resolution}{alone} ({fault}): "
        f"give another resolution (a larger one, or the one that the backbone is made for), {other} model.backbone"
    ) from fault


def unused_parameters(network: nn.Module, config: Config, settings: DeviceSettings) -> list[str]:
    """Parameters that no gradient reaches, such as those of feature maps that the decoder leaves out.

    Args:
        network: what is trained, on any device; it stays as it is.
        config: the run's config.
        settings: how the run uses its device.

    Returns:
        Their names; empty as well where the network cannot be tried on the meta device.
    """
    try:
        return _step(network, config, settings, settings.micro_batch)
    except _FAULTS:
        return []


def _name(config: Config) -> str:
    backbone = f"model.backbone={config.model.backbone}"
    if config.stage.name == "classes":
        return f"model.architecture={config.model.architecture} over {backbone}"
    return f"stage=attributes over {backbone}"


class _Fault(Exception):
    """The network's own words, as a part of a sentence."""

    def __init__(self, error: Exception) -> None:
        said = " ".join(str(error).split()).rstrip(".:")
        super().__init__(brief(said, 100) if said else type(error).__name__)


def _fault_of(network: nn.Module, config: Config, settings: DeviceSettings, photos: int) -> _Fault | None:
    try:
        _step(network, config, settings, photos)
    except NotImplementedError:
        # An operator that the meta device does not have says nothing about the devices that train.
        return None
    except _FAULTS as error:
        # Nor does a network that reads a number, or mixes in a tensor of the processor: torch names the meta device.
        return None if "meta" in str(error) else _Fault(error)
    return None


def _step(network: nn.Module, config: Config, settings: DeviceSettings, photos: int) -> list[str]:
    """Forward and backward of 1 or 2 photos on the meta device; names of the parameters without a gradient."""
    tried = _on_meta(network)
    if settings.devices * settings.nodes > 1:
        _spare_shared_norms(tried)
    # More than 2 photos do nothing that 2 do not.
    image = torch.empty(min(photos, 2), 3, *config.size, device="meta")
    _logits(tried, image, config.stage.name).sum().backward()  # type: ignore[no-untyped-call]
    return [name for name, value in tried.named_parameters() if value.requires_grad and value.grad is None]


def _on_meta(network: nn.Module) -> nn.Module:
    """A copy whose tensors have no numbers; those of the network, which may be large, are not copied on the way."""
    memo: dict[int, Tensor] = {id(buffer): torch.empty_like(buffer, device="meta") for buffer in network.buffers()}
    for value in network.parameters():
        memo[id(value)] = nn.Parameter(torch.empty_like(value, device="meta"), value.requires_grad)
    return copy.deepcopy(network, memo)


def _spare_shared_norms(network: nn.Module) -> None:
    # They see the photos of all processes, of which there is one here: one photo each is enough for them.
    for module in network.modules():
        if isinstance(module, nn.SyncBatchNorm):
            module.training = False


def _logits(network: nn.Module, image_BCHW: Tensor, stage: str) -> Tensor:
    """What the network makes of photos, with one garment each; by `forward`, which is never the compiled one."""
    garments = torch.arange(len(image_BCHW), device="meta")
    if type(network) is AttributeNetwork:
        return _judged(network, image_BCHW, garments)
    inputs = [image_BCHW]
    if stage == "attributes":
        regions = torch.empty(len(image_BCHW), 1, *image_BCHW.shape[2:], dtype=torch.int16, device="meta")
        inputs += [regions, garments, garments]
    logits: Tensor = network.forward(*inputs)
    return logits


def _judged(network: AttributeNetwork, image_BCHW: Tensor, garments: Tensor) -> Tensor:
    # Its parts one by one: how many slots the garments need is read from numbers.
    padded = pad_to_stride(image_BCHW)
    features = network.pyramid.forward(padded)
    weights = None
    if network.pooling == "garment":
        weights = torch.empty(len(garments), *features.shape[-2:], device="meta")
    pooled = network.pool(features, weights, garments, pixels=padded[0, 0].numel())
    return network.judge(pooled, garments)
