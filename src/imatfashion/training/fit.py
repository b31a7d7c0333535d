"""A training run from its config to its directory."""

from __future__ import annotations

import logging
import math
import warnings
from dataclasses import dataclass, replace
from pathlib import Path

import pytorch_lightning as pl

from imatfashion.config.resume import save_config
from imatfashion.config.schema import Config
from imatfashion.data.split import save_split
from imatfashion.errors import FashionError
from imatfashion.models.checkpoint import load_checkpoint, load_state
from imatfashion.training.best import BestCheckpoint
from imatfashion.training.build import TaskClass
from imatfashion.training.callbacks import LastCheckpoint
from imatfashion.training.evaluation import evaluate
from imatfashion.training.limits import deadline_of
from imatfashion.training.loggers import close_loggers, make_loggers
from imatfashion.training.memory import OutOfMemory, free_memory, shrunk, with_memory
from imatfashion.training.on_device import on_device
from imatfashion.training.place import check_free, is_main_process, last_checkpoint, row_of, step_of
from imatfashion.training.prepare import prepare
from imatfashion.training.progress import Throughput
from imatfashion.training.run_lock import run_lock
from imatfashion.training.signals import StopSignals
from imatfashion.training.start import start_text
from imatfashion.training.summary import write_summary
from imatfashion.training.trainer import Run, make_trainer, quiet

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class FitResult:
    """Where a run is and what came of it.

    Attributes:
        run_dir: the run directory.
        best_checkpoint: the checkpoint with the best monitored metric.
        monitor: the monitored metric's name.
        score: its best value; None where no validation gave one.
        figures: the best checkpoint's figures on the validation photos; empty in processes that do not write.
        is_main: whether this is the process that writes.
    """

    run_dir: Path
    best_checkpoint: Path
    monitor: str
    score: float | None
    figures: dict[str, float]
    is_main: bool


def fit(config: Config, *, task: TaskClass | None = None) -> FitResult:
    """Train a stage, or go on with a run.

    Args:
        config: a whole config; `config.resume` goes on with that run directory.
        task: a class of your own instead of the stage's (a subclass with another loss, say), or any callable that
            takes the same arguments.

    Raises:
        FashionError: the config, the data or the checkpoint cannot be used, or a limit of the
            platform was reached.
        Interrupted: Ctrl-C or SIGTERM came.
    """
    if config.check or config.trainer.lr_find:
        raise FashionError("fit trains: give check=true to check_run and trainer.lr_find=true to find_rate")
    # Once for all: a platform's session does not grow longer when a smaller batch is tried.
    deadline = deadline_of(config.platform)
    while True:
        try:
            return _fit(config, task, deadline)
        except OutOfMemory as fault:
            if config.trainer.on_memory == "stop" or fault.smaller is None:
                raise
            config = shrunk(config, fault.run_dir, fault.smaller)
            told = f"{fault}: going on from the last checkpoint, which is not the same run bit for bit"
        _logger.warning("%s", told)
        free_memory()


def _fit(config: Config, task: TaskClass | None, deadline: float | None) -> FitResult:
    run = replace(prepare(config, task), deadline=deadline)
    with run_lock(run.run_dir):
        # Another run may have come first while the data was read.
        check_free(config, run.run_dir)
        resumed = last_checkpoint(config, run.run_dir)
        if is_main_process() and resumed is None:
            save_config(config, run.run_dir / "config.yaml")
            save_split(run.data.split, run.data.truth, run.run_dir / "split.json")
        offline = config.platform.offline
        loggers = make_loggers(
            config.logger, run.run_dir, first_step=step_of(resumed), offline=offline, last_row=row_of(resumed)
        )
        failed = True
        try:
            with StopSignals(run.run_dir) as signals:
                result = _train(replace(run, loggers=loggers), resumed, signals)
            failed = False
        finally:
            close_loggers(loggers, failed=failed)
    return result


def _train(run: Run, resumed: Path | None, signals: StopSignals) -> FitResult:
    speed = Throughput(run.settings.micro_batch)
    best = BestCheckpoint(run.run_dir / "checkpoints", run.task.monitor, run.task.mode)
    trainer = make_trainer(run, best, speed, signals)
    if trainer.is_global_zero:
        print(start_text(run, resumed), flush=True)  # noqa: T201
    with warnings.catch_warnings():
        quiet()
        with_memory(lambda: trainer.fit(run.task, datamodule=run.data, ckpt_path=resumed, weights_only=True), run)
    checkpoint = _best_path(run, trainer, best)
    score = _score(best)
    figures: dict[str, float] = {}
    if trainer.is_global_zero:
        load_state(run.task.network, load_checkpoint(checkpoint)[1], checkpoint)
        figures = with_memory(lambda: _evaluate(run, trainer), run)
        last = _last(trainer)
        write_summary(
            run,
            trainer,
            score=score,
            started=last.started,
            seconds=last.seconds,
            images_per_second=speed.images_per_second,
        )
    return FitResult(run.run_dir, checkpoint, run.task.monitor, score, figures, trainer.is_global_zero)


def _last(trainer: pl.Trainer) -> LastCheckpoint:
    """The callback that knows when the run began and how long it has taken in all its parts."""
    return next(callback for callback in trainer.callbacks if isinstance(callback, LastCheckpoint))  # type: ignore[attr-defined]


def _evaluate(run: Run, trainer: pl.Trainer) -> dict[str, float]:
    with on_device(run.task, trainer.strategy.root_device, run.settings.precision):
        figures: dict[str, float] = evaluate(run.task, run.data, run.run_dir)["metrics"]
    return figures


def _score(best: BestCheckpoint) -> float | None:
    score = math.nan if best.best_model_score is None else float(best.best_model_score)
    # Lightning keeps a NaN as an infinity, which is no value either.
    return score if math.isfinite(score) else None


def _best_path(run: Run, trainer: pl.Trainer, best: BestCheckpoint) -> Path:
    path = Path(best.best_model_path) if best.best_model_path else run.run_dir / "checkpoints" / "best.ckpt"
    if not best.best_model_path:
        # No value of the monitored metric (a trial of a few steps): the last state is the best there is.
        trainer.save_checkpoint(path)
    return path
