"""A training run from its config to its directory."""

from __future__ import annotations

import logging
import time
import warnings
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import cv2
import pytorch_lightning as pl
from pytorch_lightning.callbacks import Callback, ModelCheckpoint, TQDMProgressBar
from pytorch_lightning.loggers.logger import Logger

from imatfashion.config.resume import save_config
from imatfashion.config.schema import Config
from imatfashion.data.datamodule import FashionDataModule
from imatfashion.data.split import save_split
from imatfashion.errors import FashionError
from imatfashion.models.checkpoint import load_checkpoint, load_state, read_checkpoint
from imatfashion.tasks.base import FashionTask
from imatfashion.tasks.schedule import Schedule
from imatfashion.training.build import make_data, make_spec, make_task
from imatfashion.training.callbacks import Check, LastCheckpoint, Stopper, Throughput
from imatfashion.training.checkpoint_io import AtomicCheckpointIO
from imatfashion.training.device import DeviceSettings, device_settings
from imatfashion.training.evaluation import evaluate
from imatfashion.training.limits import check_room, panels_kept, usage_checks
from imatfashion.training.loggers import close_loggers, make_loggers
from imatfashion.training.panels import PicturePanel
from imatfashion.training.signals import StopSignals
from imatfashion.training.summary import environment, peak_memory_gb, read_json, write_json


@dataclass(frozen=True)
class FitResult:
    """Where a run is and what came of it.

    Attributes:
        run_dir: the run directory.
        best_checkpoint: the checkpoint with the best monitored metric.
        monitor: the monitored metric's name.
        score: its best value; None where it has none.
        is_main: whether this is the process that writes.
    """

    run_dir: Path
    best_checkpoint: Path
    monitor: str
    score: float | None
    is_main: bool


def fit(config: Config, *, task: FashionTask | None = None) -> FitResult:
    """Train a stage, or go on with a run.

    Args:
        config: a whole config; `config.resume` goes on with that run directory.
        task: a task of your own instead of the stage's.

    Raises:
        FashionError: the config, the data or the checkpoint cannot be used, or a limit of the
            platform was reached.
        Interrupted: Ctrl-C or SIGTERM came.
    """
    settings = device_settings(config)
    run_dir = _run_dir(config)
    pl.seed_everything(config.seed, workers=True, verbose=False)
    # Threads of OpenCV beside the loader's processes and torch's threads would fight for the same cores.
    cv2.setNumThreads(1)
    data = make_data(config, settings)
    data.setup()
    task = task or make_task(config, make_spec(config, data), settings)
    check_room(config.platform, run_dir, task.network)
    run_dir.mkdir(parents=True, exist_ok=True)
    resumed = _resumed(config, run_dir)
    if resumed is None:
        save_config(config, run_dir / "config.yaml")
        save_split(data.split, data.truth, run_dir / "split.json")
    loggers = make_loggers(config.logger, run_dir, first_step=_step_of(resumed), offline=config.platform.offline)
    # Hints of Lightning's that are not about this run.
    logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)
    failed = True
    try:
        with StopSignals(run_dir) as signals:
            result = _train(config, settings, run_dir, data, task, loggers, resumed, signals)
        failed = False
    finally:
        close_loggers(loggers, failed=failed)
    return result


def _run_dir(config: Config) -> Path:
    if config.resume:
        return Path(config.resume)
    name = f"{config.stage.name}-{config.resolution}-{datetime.now():%Y%m%d-%H%M%S}"
    run_dir = Path(config.run_dir or Path("runs") / name)
    if (run_dir / "config.yaml").exists():
        raise FashionError(f"{run_dir} already holds a run: go on with it (resume={run_dir}) or give another run_dir=")
    return run_dir


def _resumed(config: Config, run_dir: Path) -> Path | None:
    """The checkpoint to go on from; a run that was stopped before its first one starts anew."""
    last = run_dir / "checkpoints" / "last.ckpt"
    return last if config.resume and last.is_file() else None


def _step_of(checkpoint: Path | None) -> int:
    """The optimizer step that a checkpoint was written at; 0 without one."""
    return int(read_checkpoint(checkpoint)["global_step"]) if checkpoint else 0


def _train(
    config: Config,
    settings: DeviceSettings,
    run_dir: Path,
    data: FashionDataModule,
    task: FashionTask,
    loggers: list[Logger],
    resumed: Path | None,
    signals: StopSignals,
) -> FitResult:
    steps = Schedule.build(config.schedule, data.steps_per_epoch).steps
    steps = min(steps, config.max_steps or steps)
    speed = Throughput(settings.micro_batch)
    best = ModelCheckpoint(
        run_dir / "checkpoints",
        "best",
        monitor=task.monitor,
        mode=task.mode,
        enable_version_counter=False,
        save_on_train_epoch_end=False,
    )
    trainer = pl.Trainer(
        accelerator=settings.accelerator,
        devices=settings.devices,
        precision=settings.precision,  # type: ignore[arg-type]
        accumulate_grad_batches=settings.accumulate,
        max_steps=steps,
        max_epochs=-1,
        gradient_clip_val=config.schedule.clip or None,
        logger=loggers,
        callbacks=[speed, best, *_callbacks(config, run_dir, task, signals)],
        plugins=[AtomicCheckpointIO()],
        log_every_n_steps=max(1, min(50, data.steps_per_epoch // 10)),
        num_sanity_val_steps=0,
        use_distributed_sampler=False,
        enable_progress_bar=config.progress,
        enable_model_summary=False,
        default_root_dir=run_dir,
    )
    started = time.time()
    if trainer.is_global_zero:
        print(_start_text(config, settings, data, task, steps), flush=True)  # noqa: T201
    with warnings.catch_warnings():
        _quiet()
        trainer.fit(task, datamodule=data, ckpt_path=resumed, weights_only=True)
    checkpoint = _best_checkpoint(run_dir, trainer, best)
    score = None if best.best_model_score is None else float(best.best_model_score)
    if trainer.is_global_zero:
        load_state(task.network, load_checkpoint(checkpoint)[1], checkpoint)
        evaluate(task, data, run_dir)
        _write_summary(run_dir, config, settings, data, trainer, task, score, started, speed)
    return FitResult(run_dir, checkpoint, task.monitor, score, trainer.is_global_zero)


def _callbacks(config: Config, run_dir: Path, task: FashionTask, signals: StopSignals) -> list[Callback]:
    last = LastCheckpoint(run_dir / "checkpoints" / "last.ckpt", every_seconds=60 * config.checkpoint_minutes)
    checks: list[Check] = [signals, *usage_checks(config.platform, run_dir, task.network)]
    callbacks: list[Callback] = [signals, Stopper(checks, last), last]
    if config.logger.panels:
        callbacks.append(PicturePanel(run_dir / "panels", config.logger.panels, panels_kept(config.platform)))
    if config.progress:
        callbacks.append(TQDMProgressBar(leave=True))
    return callbacks


def _quiet() -> None:
    """Silence Lightning's advice that does not apply: workers and the length of an epoch are chosen here."""
    for advice in (
        ".*does not have many workers.*",
        ".*number of training batches.*is smaller than the logging interval.*",
        # A resumed run finds its own checkpoints there; other runs are refused before.
        "Checkpoint directory .* exists and is not empty.*",
        # Lightning 2.6 with torch 2.14, inside Lightning; fixed when it asks the tree spec itself.
        ".*isinstance\\(treespec, LeafSpec\\)` is deprecated.*",
    ):
        warnings.filterwarnings("ignore", message=advice)


def _best_checkpoint(run_dir: Path, trainer: pl.Trainer, best: ModelCheckpoint) -> Path:
    path = Path(best.best_model_path) if best.best_model_path else run_dir / "checkpoints" / "best.ckpt"
    if not path.is_file():
        # No value of the monitored metric (a trial of a few steps): the last state is the best there is.
        trainer.save_checkpoint(path)
    return path


def _start_text(
    config: Config, settings: DeviceSettings, data: FashionDataModule, task: FashionTask, steps: int
) -> str:
    parameters = sum(parameter.numel() for parameter in task.network.parameters()) / 1e6
    return (
        f"stage {config.stage.name} · {config.resolution} × {config.resolution} · {config.model.architecture} on "
        f"{config.model.backbone} ({parameters:.1f} M parameters)\n"
        f"{len(data.train_indices)} photos to train on, {len(data.val_indices)} to validate, "
        f"{len(data.truth.classes)} classes, {len(data.truth.attributes)} attributes, "
        f"{data.truth.refused} records refused\n"
        f"batch {settings.micro_batch} × {settings.accumulate} accumulated × {settings.devices} device(s) = "
        f"{config.batch_size} · {steps} steps · {settings.precision} · {settings.title}"
    )


def _write_summary(
    run_dir: Path,
    config: Config,
    settings: DeviceSettings,
    data: FashionDataModule,
    trainer: pl.Trainer,
    task: FashionTask,
    score: float | None,
    started: float,
    speed: Throughput,
) -> None:
    earlier = read_json(run_dir / "summary.json")
    now = time.time()
    table = data.annotations
    summary: dict[str, Any] = {
        "stage": config.stage.name,
        **environment(),
        "started": earlier.get("started") or datetime.fromtimestamp(started).isoformat(timespec="seconds"),
        "finished": datetime.fromtimestamp(now).isoformat(timespec="seconds"),
        "seconds": round(now - started + earlier.get("seconds", 0), 1),
        "peak_memory_gb": round(peak_memory_gb(), 3),
        "device": settings.title,
        "precision": settings.precision,
        "settings": asdict(settings),
        "images_per_second": round(speed.images_per_second, 2),
        "steps": trainer.global_step,
        "epochs": trainer.current_epoch,
        "photos": {"train": len(data.train_indices), "val": len(data.val_indices)},
        "garments": len(table.garment_class),
        "refused": data.truth.refused,
        "data": {"table": str(data.truth.path), "key": data.truth.path.stem},
        "monitor": task.monitor,
        "best": score,
        "config": asdict(config),
    }
    write_json(run_dir / "summary.json", summary)
