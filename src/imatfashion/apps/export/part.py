"""One exported network with what its run left beside the checkpoint."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from imatfashion.apps.export.check import Difference
from imatfashion.apps.export.onnx_file import Exported
from imatfashion.errors import FashionError
from imatfashion.report.run_files import RunFiles, read_run


@dataclass(frozen=True)
class Part:
    """What the model card says of one network.

    Attributes:
        file: name of its ONNX file.
        exported: the network.
        difference: how far the file is from the network.
        run: the run directory that the checkpoint lies in, None where there is none.
    """

    file: str
    exported: Exported
    difference: Difference
    run: RunFiles | None

    @property
    def title(self) -> str:
        """`classes` or `attributes`."""
        return self.exported.spec.stage

    @property
    def evaluated(self) -> bool:
        """Whether the run's figures are there, and of this stage."""
        return self.run is not None and self.run.evaluation.get("stage") == self.title


def run_of(checkpoint: Path) -> RunFiles | None:
    """What lies in the run directory of a checkpoint, None where it is in none."""
    folder = checkpoint.absolute().parent
    try:
        return read_run(folder.parent) if folder.name == "checkpoints" else None
    except FashionError:
        return None
