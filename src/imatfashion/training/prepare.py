"""From a config to the parts of a run, before anything is written."""

from __future__ import annotations

import logging

import cv2
import pytorch_lightning as pl

from imatfashion.config.schema import Config
from imatfashion.training.build import TaskClass, make_data, make_spec, make_task
from imatfashion.training.device import device_settings
from imatfashion.training.judged import check_judged
from imatfashion.training.place import place_of
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
    # Hints of Lightning's that are not about this run.
    logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)
    data = make_data(config, settings)
    data.setup()
    module = make_task(config, make_spec(config, data), settings, task)
    check_room(config.platform, run_dir, module.network, averaged=config.schedule.ema_decay > 0)
    run = Run(config, settings, run_dir, data, module, [])
    check_judged(run)
    return run
