"""Reading checkpoints: weights and one JSON string, never code."""

from __future__ import annotations

import pickle
import struct
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from imatfashion.errors import FashionError
from imatfashion.models.attribute_head import AttributeNetwork
from imatfashion.models.segmenter import Segmenter
from imatfashion.models.spec import ModelSpec, build_network

_PREFIX = "network."
_COMPILED = "_orig_mod."
# What torch raises on damaged files, beside UnpicklingError.
_DAMAGE = (
    *(RuntimeError, OSError, EOFError, ValueError, KeyError, TypeError, AttributeError, IndexError),
    *(AssertionError, OverflowError, MemoryError, struct.error),
)
_HINT = "a run's checkpoints are RUN_DIR/checkpoints/best.ckpt and last.ckpt"


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
            f"{path} is a torch file but not a checkpoint of imatfashion (it has no model description); {_HINT}"
        )
    try:
        spec = ModelSpec.from_json(text)
    except FashionError as error:
        raise FashionError(f"{path}: {error}") from error
    if stage is not None and spec.stage != stage:
        raise FashionError(f"{path} is a checkpoint of stage={spec.stage}, here one of stage={stage} is needed")
    return spec, _network_state(state, path)


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


def read_checkpoint(path: str | Path) -> Mapping[str, Any]:
    """A checkpoint's content; nothing but tensors and plain values is ever unpickled.

    Raises:
        FashionError: the file is missing, damaged, foreign or holds code.
    """
    path = Path(path)
    if path.is_dir():
        raise FashionError(f"{path} is a directory, not a checkpoint; {_HINT}")
    if not path.is_file():
        raise FashionError(f"there is no checkpoint {path}; {_HINT}")
    _check_archive(path)
    try:
        # torch's warnings are about foreign files, of which the sentences below say more.
        with warnings.catch_warnings(action="ignore"):
            content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise FashionError(
            f"{path} is refused: it is damaged, or holds code or objects, which are never run"
        ) from error
    except _DAMAGE as error:
        reason = str(error).split("\n")[0][:120]
        raise FashionError(f"{path} cannot be read as a checkpoint ({reason}); it may be damaged; {_HINT}") from error
    if not isinstance(content, Mapping):
        raise FashionError(f"{path} is a torch file but not a checkpoint of imatfashion; {_HINT}")
    return content


def _check_archive(path: Path) -> None:
    # Ours are zip files, and a zip file that was cut short is none any more: its directory is at the end.
    try:
        with zipfile.ZipFile(path) as archive:
            parts = archive.infolist()
    except (zipfile.BadZipFile, NotImplementedError, OSError, EOFError, ValueError, struct.error) as error:
        raise FashionError(
            f"{path} is not a torch file, or was cut short while it was written or copied; {_HINT}"
        ) from error
    # torch writes its parts as they are; what is compressed, or lies twice in the file, could unpack to any size.
    packed = any(part.compress_type != zipfile.ZIP_STORED for part in parts)
    if packed or sum(part.file_size for part in parts) > path.stat().st_size:
        raise FashionError(f"{path} is refused: it unpacks to more than it is, which no checkpoint does; {_HINT}")


def _plain(value: Tensor) -> bool:
    """Whether a tensor is what a network's weights can be copied from."""
    # Nested ones have no shape to ask for.
    return not value.is_nested and value.layout is torch.strided and not value.is_meta and not value.is_complex()


def _network_state(state: Mapping[Any, Any], path: str | Path) -> dict[str, Tensor]:
    """The network's tensors under its own names, whether it was compiled or not."""
    found = {
        key.removeprefix(_PREFIX).replace(_COMPILED, ""): value
        for key, value in state.items()
        if isinstance(key, str) and key.startswith(_PREFIX) and isinstance(value, Tensor)
    }
    for key, value in found.items():
        if not _plain(value):
            raise FashionError(f"{path} has weights that are no plain numbers ({key}); {_HINT}")
    if not found:
        raise FashionError(f"{path} has a model description but no weights of its network; {_HINT}")
    return found
