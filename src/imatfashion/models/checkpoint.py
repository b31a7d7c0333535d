"""Checkpoints as networks: weights and one JSON string that describes them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor, nn

from imatfashion.errors import FashionError
from imatfashion.models.attribute_head import AttributeNetwork
from imatfashion.models.checkpoint_file import WHERE_THEY_ARE, network_state, read_checkpoint
from imatfashion.models.segmenter import Segmenter
from imatfashion.models.spec import ModelSpec, build_network


def load_checkpoint(path: str | Path, *, stage: str | None = None) -> tuple[ModelSpec, dict[str, Tensor]]:
    """Read a checkpoint's description and its network's weights, on the CPU.

    Args:
        path: the file.
        stage: `classes` or `attributes` where only one of them will do.

    Returns:
        The description, and the network's tensors by the network's own names.

    Raises:
        FashionError: the file is missing, damaged, foreign, holds code, or is of another stage or format version.
    """
    content = read_checkpoint(path)
    parameters, state = content.get("hyper_parameters"), content.get("state_dict")
    text = parameters.get("spec") if isinstance(parameters, Mapping) else None
    if not isinstance(text, str) or not isinstance(state, Mapping):
        raise FashionError(
            f"{path} is a torch file but not a checkpoint of imatfashion (it has no model description); "
            f"{WHERE_THEY_ARE}"
        )
    try:
        spec = ModelSpec.from_json(text)
    except FashionError as error:
        raise FashionError(f"{path}: {error}") from error
    if stage is not None and spec.stage != stage:
        raise FashionError(f"{path} is a checkpoint of stage={spec.stage}, here one of stage={stage} is needed")
    return spec, network_state(state, path)


def load_network(path: str | Path, *, stage: str | None = None) -> tuple[ModelSpec, Segmenter | AttributeNetwork]:
    """Read a checkpoint as a network in evaluation mode, on the CPU.

    Raises:
        FashionError: as `load_checkpoint`; or the weights do not fit the description.
    """
    spec, state = load_checkpoint(path, stage=stage)
    network = build_network(spec)
    load_state(network, state, path)
    return spec, network.eval()


def load_state(network: nn.Module, state: Mapping[str, Tensor], path: str | Path) -> None:
    """Load a network's tensors in place; `path` is named when they do not fit.

    Raises:
        FashionError: tensors are missing, left over or of another shape; nothing has been loaded then.
    """
    own = network.state_dict()
    faults = {
        "missing": [key for key in own if key not in state],
        "left over": [key for key in state if key not in own],
        "of another shape": [key for key in own if key in state and own[key].shape != state[key].shape],
    }
    if any(faults.values()):
        told = "; ".join(f"{len(keys)} {what} ({_some(keys)})" for what, keys in faults.items() if keys)
        raise FashionError(f"the weights in {path} do not fit the network: {told}")
    network.load_state_dict(state)


def _some(keys: list[str]) -> str:
    return ", ".join(keys[:3]) + (", …" if len(keys) > 3 else "")
