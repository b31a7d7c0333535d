"""The first lines of a run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pytorch_lightning.loggers import TensorBoardLogger

from imatfashion.config.arguments import resume_command
from imatfashion.config.schema import Config
from imatfashion.data.annotations import Annotations
from imatfashion.training.metrics_file import MetricsFile
from imatfashion.training.trainer import Run


def start_text(run: Run, resumed: Path | None = None, *, trial: bool = False) -> str:
    """What is going to be trained on what, for the terminal.

    Args:
        run: the run.
        resumed: the checkpoint that it goes on from.
        trial: nothing is trained: leave out where figures go and how to stop.
    """
    config, settings, data = run.config, run.settings, run.data
    height, width = config.size
    parameters = sum(parameter.numel() for parameter in run.task.network.parameters()) / 1e6
    return (
        f"stage {config.stage.name} · {height} × {width} · {_network(config)} "
        f"({parameters:.1f} M parameters)\n"
        f"{len(data.train_indices)} photos to train on, {len(data.val_indices)} to validate, "
        f"{len(data.truth.classes)} classes, {len(data.truth.attributes)} attributes, "
        f"{_refused(data.truth)}\n"
        f"batch {settings.micro_batch} × {settings.accumulate} accumulated × {settings.devices * settings.nodes} "
        f"device(s) = {config.batch_size} · {run.steps} steps · {settings.precision} · {settings.title}"
        + ("" if trial else f"\n{_place(run, resumed)}")
    )


def _place(run: Run, resumed: Path | None) -> str:
    return (
        f"time: shown once the first steps are measured (check=true measures without training)\n"
        f"run: {run.run_dir}{f', going on from {resumed.name}' if resumed else ''}\n"
        f"figures: {' · '.join(addresses(run))}\n"
        f"stop with Ctrl-C: the state is saved; go on with: {resume_command(run.run_dir)}"
    )


def addresses(run: Run) -> Iterator[str]:
    """Where each logger's figures are, as a command or an address."""
    for logger in run.loggers:
        if isinstance(logger, MetricsFile):
            yield str(logger.path)
        elif isinstance(logger, TensorBoardLogger):
            yield f"tensorboard --logdir {run.run_dir}"
        elif url := getattr(getattr(logger, "experiment", None), "url", None):
            yield str(url)
        else:
            yield f"wandb sync {run.run_dir}/wandb/offline-run-*"


def _network(config: Config) -> str:
    kind = config.model.architecture if config.stage.name == "classes" else f"{config.stage.pooling} pooling"
    return f"{kind} on {config.model.backbone}"


def _refused(table: Annotations) -> str:
    where = f" ({table.path / 'refused.csv'} lists them)" if table.refused else ""
    return f"{table.refused} records refused{where}"
