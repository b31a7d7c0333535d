"""What the other trials of a study say about a job that is still running."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from imatfashion.config.pruning import Judge
from imatfashion.config.study import STUDY_FILE, STUDY_NAME, import_optuna, storage_url

# Jobs that run side by side write into one file: seconds that one waits for another.
_PATIENCE = 60


class StudyJudge:
    """Writes a job's figures into its trial, and finds it hopeless by Optuna's median rule.

    That is: the best figure so far lies below the median of what the trials that reached their end had by then.

    Args:
        sweep_dir: has the study.
        number: of the job's trial.
        trials: so many must have reached their end before any is stopped.
        epochs: so many are left to each job.
    """

    def __init__(self, sweep_dir: Path, number: int, *, trials: int, epochs: int) -> None:
        optuna = import_optuna()
        self._storage = optuna.storages.RDBStorage(
            storage_url(sweep_dir / STUDY_FILE), engine_kwargs={"connect_args": {"timeout": _PATIENCE}}
        )
        self._study = optuna.load_study(study_name=STUDY_NAME, storage=self._storage)
        self._pruner = optuna.pruners.MedianPruner(n_startup_trials=trials, n_warmup_steps=epochs)
        study_id = self._storage.get_study_id_from_name(STUDY_NAME)
        self._trial_id = self._storage.get_trial_id_from_study_id_trial_number(study_id, number)

    def __call__(self, epochs: int, value: float) -> str | None:
        """See `Judge`; a figure that is missing or NaN says nothing."""
        if not math.isfinite(value):
            return None
        self._storage.set_trial_intermediate_value(self._trial_id, epochs, value)
        trial = self._storage.get_trial(self._trial_id)
        if not self._pruner.prune(self._study, trial):
            return None
        best = max(trial.intermediate_values.values())
        return f"its best so far, {best:.4f}, is below the median of the other jobs after epoch {epochs}"


def study_judge(sweeper: Any, sweep_dir: Path, number: int) -> Judge | None:
    """The judge of a job; None where its sweeper does not prune.

    Args:
        sweeper: `hydra.sweeper` of the job.
        sweep_dir: the sweep directory.
        number: of the job.
    """
    if not sweeper.get("prune"):
        return None
    return StudyJudge(sweep_dir, number, trials=sweeper.prune_after_trials, epochs=sweeper.prune_after_epochs)
