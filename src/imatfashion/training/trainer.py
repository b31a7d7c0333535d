"""The Lightning trainer of a run, with what watches over it."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Callback
from pytorch_lightning.loggers.logger import Logger

from imatfashion.config.pruning import current_judge
from imatfashion.config.schema import Config
from imatfashion.data.datamodule import FashionDataModule
from imatfashion.tasks.base import FashionTask
from imatfashion.tasks.schedule import Schedule
from imatfashion.training.bar import ProgressBar
from imatfashion.training.best import BestCheckpoint
from imatfashion.training.callbacks import Check, LastCheckpoint, Stopper
from imatfashion.training.checkpoint_io import AtomicCheckpointIO
from imatfashion.training.counters import StepCounts
from imatfashion.training.device import DeviceSettings
from imatfashion.training.ema import MovingAverage
from imatfashion.training.last_good import LastGood
from imatfashion.training.limits import usage_checks
from imatfashion.training.mask_panel import MaskOverlays, masks_a_photo
from imatfashion.training.nan_guard import NanGuard
from imatfashion.training.network_trial import unused_parameters
from imatfashion.training.panels import PicturePanel
from imatfashion.training.progress import Throughput
from imatfashion.training.pruning import Pruning
from imatfashion.training.room import mask_files, panels_kept
from imatfashion.training.seen import SeenPhotos
from imatfashion.training.signals import StopSignals


@dataclass(frozen=True)
class Run:
    """The parts of a run.

    Attributes:
        config: its config.
        settings: how it uses its device.
        run_dir: where it writes.
        data: its data module, set up.
        task: what is trained.
        loggers: its dashboards.
        deadline: when the platform's time limit is reached, as `deadline_of` gives it.
    """

    config: Config
    settings: DeviceSettings
    run_dir: Path
    data: FashionDataModule
    task: FashionTask
    loggers: list[Logger]
    deadline: float | None = None

    @property
    def steps(self) -> int:
        """Optimizer steps of the whole run."""
        scheduled = Schedule.build(self.config.schedule, self.data.steps_per_epoch).steps
        return min(scheduled, self.config.max_steps or scheduled)


def make_trainer(run: Run, best: BestCheckpoint, speed: Throughput, signals: StopSignals) -> pl.Trainer:
    """The trainer of a run."""
    config, settings = run.config, run.settings
    return pl.Trainer(
        accelerator=settings.accelerator,
        strategy=_strategy(run),
        devices=settings.devices,
        num_nodes=settings.nodes,
        precision=settings.precision,  # type: ignore[arg-type]
        accumulate_grad_batches=settings.accumulate,
        max_steps=run.steps,
        max_epochs=-1,
        gradient_clip_val=config.schedule.clip or None,
        logger=run.loggers,
        callbacks=[speed, best, *_callbacks(run, signals)],
        plugins=[AtomicCheckpointIO()],
        log_every_n_steps=max(1, min(50, run.data.steps_per_epoch // 10)),
        num_sanity_val_steps=0,
        use_distributed_sampler=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        default_root_dir=run.run_dir,
    )


def _strategy(run: Run) -> str:
    """Lightning's name of how processes share a step."""
    settings = run.settings
    alone = settings.devices * settings.nodes == 1
    if alone or not unused_parameters(run.task.network, run.config, settings):
        return "auto"
    # Processes wait for the gradient of every parameter; looking for those without one costs each step some time.
    return "ddp_find_unused_parameters_true"


def _callbacks(run: Run, signals: StopSignals) -> list[Callback]:
    config, run_dir = run.config, run.run_dir
    last = LastCheckpoint(run_dir / "checkpoints" / "last.ckpt", every_seconds=60 * config.checkpoint_minutes)
    averaged = config.schedule.ema_decay > 0
    limits = usage_checks(
        config.platform,
        run_dir,
        run.task.network,
        deadline=run.deadline,
        averaged=averaged,
        processes=run.settings.devices,
    )
    checks: list[Check] = [signals, *limits]
    callbacks: list[Callback] = [signals, *_pictures(run)]
    if averaged:
        # Behind the pictures, which show the average; before what saves a step, whose weights are in the average then.
        callbacks.append(MovingAverage(config.schedule.ema_decay, run.settings.accelerator))
    if judge := current_judge():
        pruning = Pruning(judge, run.task.monitor, run_dir)
        callbacks.append(pruning)
        checks.append(pruning)
    last_good = LastGood(last)
    guard = NanGuard(run_dir, skip=config.trainer.on_nan == "skip", last_good=last_good)
    # The guard looks before the optimizer starts, which ends the time when the last state is still there.
    callbacks += [StepCounts(), Stopper(checks, last), last, guard, last_good]
    if config.progress:
        callbacks.append(ProgressBar(run.steps, run.data.steps_per_epoch, config.batch_size))
    return callbacks


def _pictures(run: Run) -> Iterator[Callback]:
    """The panel of each epoch, and wandb's overlays as far as its files may go."""
    config, photos = run.config, min(run.config.logger.panels, len(run.data.val_indices))
    if not photos:
        return
    shows = [PicturePanel(run.run_dir / "panels", panels_kept(config.platform)).show]
    shown = mask_files(config.platform) // (photos * (1 + masks_a_photo(config.stage.name, config.layers)))
    if config.logger.wandb and shown:
        shows.append(MaskOverlays(-(-run.steps // run.data.steps_per_epoch), shown).show)
    yield SeenPhotos(photos, shows)


def quiet() -> None:
    """Silence Lightning's advice that does not apply: workers and the length of an epoch are chosen here."""
    for advice in (
        ".*does not have many workers.*",
        ".*number of training batches.*is smaller than the logging interval.*",
        # A resumed run finds its own checkpoints there; other runs are refused before.
        "Checkpoint directory .* exists and is not empty.*",
        # Norms that `model.freeze_norm` holds.
        "Found .* module\\(s\\) in eval mode at the start of training.*",
        # Lightning 2.6 with torch 2.14, inside Lightning; fixed when it asks the tree spec itself.
        ".*isinstance\\(treespec, LeafSpec\\)` is deprecated.*",
    ):
        warnings.filterwarnings("ignore", message=advice)
