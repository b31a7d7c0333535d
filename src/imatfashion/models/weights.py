"""Backbones by their timm name: normalisation and pretrained weights, from timm's hub or from a local file."""

from __future__ import annotations

import difflib
import socket
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import getproxies

import timm
import torch
from huggingface_hub import constants, try_to_load_from_cache
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from imatfashion.errors import FashionError
from imatfashion.models.checkpoint_file import encoder_state

_WAYS_OUT = (
    "three ways out: a network connection, model.weights=FILE.safetensors (under timm's names), "
    "or model.weights=none (random weights)"
)


def backbone_name(backbone: str) -> str:
    """The timm name of a backbone, without smp's `tu-`.

    Raises:
        FashionError: timm has no such backbone.
    """
    name = backbone.removeprefix("tu-")
    if not timm.is_model(name):
        known = timm.list_models()
        near = difflib.get_close_matches(name.split(".")[0], known, n=3)
        hint = f"; near names: {', '.join(near)}" if near else ""
        raise FashionError(f"model.backbone={backbone} is not a timm backbone ({len(known)} are known){hint}")
    return name


def normalization(backbone: str) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
    """Mean and standard deviation (RGB, of pixels scaled to 0 … 1) that a backbone's weights were trained with.

    Raises:
        FashionError: timm has no such backbone.
    """
    config = timm.get_pretrained_cfg(backbone_name(backbone), allow_unregistered=True)
    if config is None or config.mean is None or config.std is None:
        return timm.data.IMAGENET_DEFAULT_MEAN, timm.data.IMAGENET_DEFAULT_STD
    mean, std = ([float(value) for value in values] for values in (config.mean, config.std))
    return (mean[0], mean[1], mean[2]), (std[0], std[1], std[2])


def load_backbone_weights(encoder: nn.Module, weights: str, backbone: str) -> None:
    """Load pretrained weights into an encoder in place.

    Args:
        encoder: a timm feature network, or smp's wrapper around one.
        weights: `none` leaves the encoder as it is; `imagenet` asks timm's hub; else a FILE.safetensors, or a run's
            FILE.ckpt, whose backbone is taken.
        backbone: the encoder's timm name.

    Raises:
        FashionError: the weights cannot be had or do not fit.
    """
    if weights == "none":
        return
    if weights == "imagenet":
        state, source = _hub_state(backbone), f"timm's weights for {backbone}"
    elif weights.endswith(".ckpt"):
        state, source = encoder_state(weights), f"model.weights={weights}"
    else:
        state, source = _file_state(Path(weights)), f"model.weights={weights}"
    _load(encoder, state, source, backbone)


def _hub_state(backbone: str) -> Mapping[str, Tensor]:
    name = backbone_name(backbone)
    cached = _cached(name)
    if cached is not None:
        return load_file(cached)
    try:
        _reach_hub()
        # The whole network: timm checks the weights against it. Its hub errors derive from these two.
        network = timm.create_model(name, pretrained=True)
    except (OSError, RuntimeError) as error:
        reason = str(error).split("\n")[0].rstrip(".")
        raise FashionError(f"ImageNet weights of {name} cannot be had ({reason}); {_WAYS_OUT}") from error
    state: Mapping[str, Tensor] = network.state_dict()
    return state


def _cached(name: str) -> str | None:
    """The weights' file, if the hub's cache has it: then nothing needs to be asked."""
    config = timm.get_pretrained_cfg(name, allow_unregistered=True)
    if config is None or not config.hf_hub_id:
        return None
    found = try_to_load_from_cache(config.hf_hub_id, config.hf_hub_filename or "model.safetensors")
    return found if isinstance(found, str) and found.endswith(".safetensors") else None


def _reach_hub() -> None:
    """Fail at once where the hub cannot be reached: its client tries for three quarters of a minute."""
    if getproxies():  # then the proxy reaches it, not this machine
        return
    address = urlsplit(constants.ENDPOINT)
    port = address.port or (80 if address.scheme == "http" else 443)
    try:
        socket.create_connection((address.hostname or "", port), timeout=10).close()
    except OSError as error:
        raise ConnectionError("timm's hub cannot be reached") from error


def _file_state(path: Path) -> Mapping[str, Tensor]:
    if not path.is_file():
        raise FashionError(f"model.weights={path} is not a file; {_WAYS_OUT}")
    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise FashionError(f"model.weights={path} is not a readable safetensors file ({error}); {_WAYS_OUT}") from error


def _load(encoder: nn.Module, state: Mapping[str, Tensor], source: str, backbone: str) -> None:
    theirs = {_canonical(key): value for key, value in state.items()}
    matched: dict[str, Tensor] = {}
    absent, misshapen = [], []
    own = encoder.state_dict()
    for key, value in own.items():
        found = theirs.get(_canonical(key))
        if found is None:
            # Batch counters matter only to BatchNorm without momentum, and converted files lack them.
            if not key.endswith("num_batches_tracked"):
                absent.append(key)
        elif found.shape != value.shape:
            misshapen.append(key)
        else:
            matched[key] = found
    if absent or misshapen:
        first = (absent + misshapen)[0]
        raise FashionError(
            f"{source} does not fit backbone {backbone}: of its {len(own)} tensors {len(absent)} are missing and "
            f"{len(misshapen)} have another shape, the first is {first}; is it another backbone's file?"
        )
    with torch.no_grad():
        encoder.load_state_dict(matched, strict=False)


def _canonical(key: str) -> str:
    """One spelling of a name: timm's feature networks write `stages_0.x` for `stages.0.x`, smp adds `model.`."""
    return key.removeprefix("model.").replace(".", "_")
