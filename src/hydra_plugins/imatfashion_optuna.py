"""A Hydra sweeper over Optuna whose study goes on where it was stopped.

Hydra finds sweepers in the namespace package `hydra_plugins` alone. `hydra-optuna-sweeper` asks for Optuna 2, whose
studies in a file do not open with SQLAlchemy 2; it also begins its count of trials anew each time.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hydra.core.config_store import ConfigStore
from hydra.core.plugins import Plugins
from hydra.core.utils import JobReturn
from hydra.plugins.launcher import Launcher
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig

from imatfashion.config.study import OptunaSweeperConf, Study, check_sweeper

ConfigStore.instance().store(
    group="hydra/sweeper", name="imatfashion_optuna", node=OptunaSweeperConf, provider="imatfashion"
)


class OptunaSweeper(Sweeper):
    """Asks a study for overrides, launches jobs, and tells it what came of them."""

    def __init__(self, trials: int, parallel: int, seed: int, params: DictConfig, **pruning: int) -> None:
        # Each job reads `pruning` for itself, since it may run in another process.
        self.trials = trials
        self.parallel = parallel
        self.seed = seed
        self.params = {str(key): str(value) for key, value in params.items()}
        self.config: DictConfig
        self.hydra_context: HydraContext
        self.launcher: Launcher

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Take what Hydra gives, and make the launcher."""
        self.config, self.hydra_context = config, hydra_context
        self.launcher = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context, task_function=task_function, config=config
        )

    def sweep(self, arguments: list[str]) -> list[JobReturn]:
        """Run the trials that the study lacks.

        Raises:
            FashionError: Optuna is not installed, a number is out of range, the study cannot be used, or jobs of this
                launcher cannot be pruned.
        """
        check_sweeper(self.config.hydra.sweeper, type(self.launcher).__name__)
        given = {argument.split("=", 1)[0] for argument in arguments}
        searched = [f"{key}={values}" for key, values in self.params.items() if key not in given]
        study = Study(Path(self.config.hydra.sweep.dir), [*searched, *arguments], self.trials, self.seed)
        returns: list[Any] = []
        while batch := study.ask(self.parallel):
            jobs = self.launcher.launch([trial.overrides for trial in batch], initial_job_idx=batch[0].number)
            for trial, job in zip(batch, jobs, strict=True):
                study.tell(trial, job.return_value)
            returns += jobs
        return returns
