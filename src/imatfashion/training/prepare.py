"""From a config to the parts of a run, before anything is written."""

from __future__ import annotations

import logging

import cv2
import pytorch_lightning as pl

from imatfashion.config.schema import Config
from imatfashion.data.datamodule import FashionDataModule
from imatfashion.errors import FashionError
from imatfashion.training.build import TaskClass, make_data, make_spec, make_task, spec_of_resumed
from imatfashion.training.device import DeviceSettings, device_settings
from imatfashion.training.judged import check_judged
from imatfashion.training.pages import keep_pages
from imatfashion.training.place import last_checkpoint, place_of
from imatfashion.training.room import check_room
from imatfashion.training.trainer import Run


def prepare(config: Config, task: TaskClass | None = None) -> Run:
    """Open the data and make what is trained; the run has no loggers yet.

    Args:
        config: a whole config.
        task: a class of your own instead of the stage's.

    Raises:
        FashionError: the config, the data, its split or the weights cannot be used, or the run does not fit the
            platform.
    """
    settings = device_settings(config)
    run_dir = place_of(config)
    pl.seed_everything(config.seed, workers=True, verbose=False)
    # Threads of OpenCV beside the loader's processes and torch's threads would fight for the same cores.
    cv2.setNumThreads(1)
    if settings.accelerator == "cpu":
        keep_pages()
    # Hints of Lightning's that are not about this run.
    logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)
    data = make_data(config, settings)
    data.setup()
    _check_shares(data, settings)
    spec = make_spec(config, data)
    if resumed := last_checkpoint(config, run_dir):
        spec = spec_of_resumed(spec, resumed)
    module = make_task(config, spec, settings, task)
    check_room(config.platform, run_dir, module.network, averaged=config.schedule.ema_decay > 0)
    run = Run(config, settings, run_dir, data, module, [])
    check_judged(run)
    return run


def _check_shares(data: FashionDataModule, settings: DeviceSettings) -> None:
    """Each process needs a photo to validate: all wait for one another."""
    photos, processes = len(data.val_indices), settings.devices * settings.nodes
    if photos < processes:
        raise FashionError(
            f"{photos} validation photo(s) cannot be divided among {processes} processes: keep more photos for "
            "validation (data.val_fraction), or take fewer devices"
        )
