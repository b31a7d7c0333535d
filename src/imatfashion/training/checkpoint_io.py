"""How checkpoint files are written: whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import torch
from lightning_fabric.plugins.io.torch_io import TorchCheckpointIO

from imatfashion.config.arguments import resume_command
from imatfashion.errors import FashionError


class AtomicCheckpointIO(TorchCheckpointIO):
    """Writes beside the file, syncs and renames.

    Lightning's own way builds the file in memory, writes it to the system's temporary folder and moves it: where that
    is another disk, the move is a copy over the old checkpoint, and a kill in its middle leaves neither.
    """

    def save_checkpoint(self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None) -> None:
        """Write a checkpoint.

        Args:
            checkpoint: what is written.
            path: the file; what is there stays until the new one is whole.
            storage_options: not used.

        Raises:
            FashionError: the disk is full or cannot be written.
        """
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        aside = path.with_suffix(".tmp")
        try:
            with aside.open("wb") as file:
                torch.save(checkpoint, file)
                file.flush()
                os.fsync(file.fileno())
            aside.replace(path)
        except (OSError, RuntimeError) as error:
            # torch reports its half-written archive over the system's error.
            fault = error if isinstance(error, OSError) else error.__context__
            if not isinstance(fault, OSError):
                raise
            raise FashionError(
                f"{path} cannot be written ({fault.strerror}), what was there before is kept: make room, then go on "
                f"with: {resume_command(path.parent.parent)}"
            ) from error
        finally:
            aside.unlink(missing_ok=True)
