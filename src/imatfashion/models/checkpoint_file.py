"""Reading a checkpoint's file: tensors and plain values, never code."""

from __future__ import annotations

import pickle
import struct
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from imatfashion.errors import FashionError

_PREFIX = "network."
_COMPILED = "_orig_mod."
_ENCODER = "encoder."
# What torch raises on damaged files, beside UnpicklingError.
_DAMAGE = (
    *(RuntimeError, OSError, EOFError, ValueError, KeyError, TypeError, AttributeError, IndexError),
    *(AssertionError, OverflowError, MemoryError, struct.error),
)
WHERE_THEY_ARE = "a run's checkpoints are RUN_DIR/checkpoints/best.ckpt and last.ckpt"


def read_checkpoint(path: str | Path) -> Mapping[str, Any]:
    """A checkpoint's content; nothing but tensors and plain values is ever unpickled.

    Raises:
        FashionError: the file is missing, damaged, foreign or holds code.
    """
    path = Path(path)
    if path.is_dir():
        raise FashionError(f"{path} is a directory, not a checkpoint; {WHERE_THEY_ARE}")
    if not path.is_file():
        raise FashionError(f"there is no checkpoint {path}; {WHERE_THEY_ARE}")
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
        raise FashionError(
            f"{path} cannot be read as a checkpoint ({reason}); it may be damaged; {WHERE_THEY_ARE}"
        ) from error
    if not isinstance(content, Mapping):
        raise FashionError(f"{path} is a torch file but not a checkpoint of imatfashion; {WHERE_THEY_ARE}")
    return content


def _check_archive(path: Path) -> None:
    # Ours are zip files, and a zip file that was cut short is none any more: its directory is at the end.
    try:
        with zipfile.ZipFile(path) as archive:
            parts = archive.infolist()
    except (zipfile.BadZipFile, NotImplementedError, OSError, EOFError, ValueError, struct.error) as error:
        raise FashionError(
            f"{path} is not a torch file, or was cut short while it was written or copied; {WHERE_THEY_ARE}"
        ) from error
    # torch writes its parts as they are; what is compressed, or lies twice in the file, could unpack to any size.
    packed = any(part.compress_type != zipfile.ZIP_STORED for part in parts)
    if packed or sum(part.file_size for part in parts) > path.stat().st_size:
        raise FashionError(
            f"{path} is refused: it unpacks to more than it is, which no checkpoint does; {WHERE_THEY_ARE}"
        )


def _plain(value: Tensor) -> bool:
    """Whether a tensor is what a network's weights can be copied from."""
    # Nested ones have no shape to ask for.
    return not value.is_nested and value.layout is torch.strided and not value.is_meta and not value.is_complex()


def network_state(state: Mapping[Any, Any], path: str | Path) -> dict[str, Tensor]:
    """The network's tensors under its own names, whether it was compiled or not."""
    found = {
        key.removeprefix(_PREFIX).replace(_COMPILED, ""): value
        for key, value in state.items()
        if isinstance(key, str) and key.startswith(_PREFIX) and isinstance(value, Tensor)
    }
    for key, value in found.items():
        if not _plain(value):
            raise FashionError(f"{path} has weights that are no plain numbers ({key}); {WHERE_THEY_ARE}")
    if not found:
        raise FashionError(f"{path} has a model description but no weights of its network; {WHERE_THEY_ARE}")
    return found


def encoder_state(path: str | Path) -> dict[str, Tensor]:
    """The backbone's tensors of a run's checkpoint, of either stage, under timm's names.

    Raises:
        FashionError: as `read_checkpoint`; or it has no weights of a network.
    """
    state = read_checkpoint(path).get("state_dict")
    found = network_state(state if isinstance(state, Mapping) else {}, path)
    return {key.partition(_ENCODER)[2]: value for key, value in found.items() if _ENCODER in key}
