"""An Optuna study in a file of the sweep directory, asked and told in terms of Hydra's overrides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import IntervalSweep, Override

from imatfashion.config.pruning import PRUNED
from imatfashion.config.sweep_jobs import finite
from imatfashion.errors import FashionError

STUDY_FILE = "study.db"
"""The study, in the sweep directory."""
STUDY_NAME = "sweep"
"""Its name in that file."""
_SEEDS = 2**32


@dataclass
class OptunaSweeperConf:
    """`hydra.sweeper` of `sweep=optuna`.

    Attributes:
        trials: jobs of the whole study, those of earlier parts included; one that is tried again counts once.
        parallel: jobs that the launcher gets at a time.
        seed: of the sampler.
        prune: stop a job early whose figures are below the median of the others'.
        prune_after_trials: jobs that must have reached their end before any is stopped.
        prune_after_epochs: epochs that each job is given.
        params: from a key to its values: `interval(a, b)`, `tag(log, interval(a, b))` or `choice(a, b, …)`.
    """

    _target_: str = "hydra_plugins.imatfashion_optuna.OptunaSweeper"
    trials: int = 20
    parallel: int = 1
    seed: int = 0
    prune: bool = False
    prune_after_trials: int = 5
    prune_after_epochs: int = 3
    params: dict[str, str] = field(default_factory=dict)


def check_sweeper(sweeper: Any, launcher: str) -> None:
    """Refuse what cannot be searched, or cannot be pruned.

    Args:
        sweeper: `hydra.sweeper`.
        launcher: class name of the launcher.

    Raises:
        FashionError: a count is too small, the seed is none of numpy's, or jobs to be pruned run on other machines.
    """
    for key in ("trials", "parallel", "prune_after_trials", "prune_after_epochs"):
        if sweeper[key] < 1:
            raise FashionError(f"hydra.sweeper.{key}={sweeper[key]} must be at least 1")
    if not 0 <= sweeper.seed < _SEEDS:
        raise FashionError(f"hydra.sweeper.seed={sweeper.seed} must lie between 0 and {_SEEDS - 1}")
    if sweeper.prune and launcher not in ("BasicLauncher", "LocalLauncher"):
        raise FashionError(
            f"hydra.sweeper.prune=true asks {STUDY_FILE} after each epoch, and an SQLite file cannot be shared between "
            "machines: leave it out, or take hydra/launcher=basic or submitit_local"
        )


@dataclass(frozen=True)
class Trial:
    """A trial of the study and the overrides of its job."""

    number: int
    overrides: tuple[str, ...]


class Study:
    """The trials of a sweep.

    A trial that a kill left without an end comes first again, with the same overrides, so that its job goes on. A job
    without a value is a failed trial, from which the sampler learns nothing; when the study is opened again, its
    values come next, once, as a new trial. Of a job that was pruned the sampler learns how far it came.

    Args:
        sweep_dir: the sweep directory.
        arguments: overrides; those with several values are searched.
        trials: how many there will be in all; a failed one and those that try it again count once.
        seed: of the sampler.

    Raises:
        FashionError: Optuna is not installed, nothing is searched, or the file is no study.
    """

    def __init__(self, sweep_dir: Path, arguments: Sequence[str], trials: int, seed: int) -> None:
        self._optuna = import_optuna()
        self._path = (sweep_dir / STUDY_FILE).absolute()
        self.trials = trials
        self.space: dict[str, Any] = {}
        self.fixed: list[str] = []
        for override in OverridesParser.create().parse_overrides(list(arguments)):
            if override.is_sweep_override():
                self.space[override.get_key_element()] = self._distribution(override)
            else:
                self.fixed.append(str(override.input_line))
        if not self.space:
            raise FashionError(
                "there is nothing to search: give at least one key several values, as 'key=interval(0.1,10)' or key=a,b"
            )
        self._study = self._open(seed)
        self._unfinished = [
            Trial(trial.number, self._overrides(trial.params))
            for trial in self._study.get_trials(states=self._states("RUNNING"))
            if trial.params.keys() == self.space.keys()
        ]
        self._failed = self._to_try_again()
        # What fails from here on counts, so that each call comes to an end.
        self._left = trials - len(self._study.get_trials(states=self._states("RUNNING", "COMPLETE", "PRUNED")))

    def _open(self, seed: int) -> Any:
        from sqlalchemy.exc import SQLAlchemyError

        optuna = self._optuna
        self._path.parent.mkdir(parents=True, exist_ok=True)
        try:
            study = optuna.create_study(
                study_name=STUDY_NAME, storage=storage_url(self._path), direction="maximize", load_if_exists=True
            )
        except (SQLAlchemyError, optuna.exceptions.StorageInternalError, RuntimeError) as error:
            reason = str(error).splitlines()[0]
            raise FashionError(
                f"{self._path} cannot be used as a study ({reason}); move it away to begin a new one"
            ) from error
        # With the very same seed, a study that goes on would draw its first trials again.
        study.sampler = optuna.samplers.TPESampler(seed=(seed + len(study.trials)) % _SEEDS)
        return study

    def ask(self, most: int) -> list[Trial]:
        """The next trials, at most so many; none when the study has all of them.

        Raises:
            FashionError: the study was begun with other values of a key.
        """
        if self._unfinished:
            return [self._unfinished.pop(0)]
        try:
            trials = [self._next() for _ in range(min(most, self._left))]
        except ValueError as error:
            raise FashionError(
                f"the study in {self._path} searched other values before ({error}); give the same ones, or another "
                "hydra.sweep.dir="
            ) from error
        return [Trial(trial.number, self._overrides(trial.params)) for trial in trials]

    def _next(self) -> Any:
        """A trial with the values of one that failed before, or with new ones."""
        earlier = self._failed.pop(0) if self._failed else None
        if earlier is not None:
            self._study.enqueue_trial(earlier.params)
        self._left -= 1
        trial = self._study.ask(self.space)
        if earlier is not None and trial.params == earlier.params:
            # Its job goes on from its checkpoint: what it had reached by then is still true.
            for epochs, value in earlier.intermediate_values.items():
                trial.report(value, epochs)
        return trial

    def tell(self, trial: Trial, value: object) -> None:
        """Write down what came of a trial; anything but a finite number or `PRUNED` is a failure."""
        found, states = finite(value), self._optuna.trial.TrialState
        if found is None:
            self._study.tell(trial.number, state=states.PRUNED if value == PRUNED else states.FAIL)
        else:
            self._study.tell(trial.number, found)

    def _to_try_again(self) -> list[Any]:
        """The failed trials of this space whose values no other trial has or will have, the first of the same ones."""
        found: list[Any] = []
        taken = [trial.params for trial in self._study.get_trials(states=self._states("RUNNING", "COMPLETE", "PRUNED"))]
        # A kill between `enqueue_trial` and `ask` leaves one waiting, which the next `ask` takes.
        waiting = self._study.get_trials(states=self._states("WAITING"))
        taken += [trial.system_attrs.get("fixed_params") for trial in waiting]
        for trial in self._study.get_trials(states=self._states("FAIL")):
            if trial.distributions == self.space and trial.params not in taken:
                taken.append(trial.params)
                found.append(trial)
        return found

    def _states(self, *names: str) -> tuple[Any, ...]:
        return tuple(self._optuna.trial.TrialState[name] for name in names)

    def _overrides(self, params: dict[str, Any]) -> tuple[str, ...]:
        return (*self.fixed, *(f"{key}={params[key]}" for key in self.space))

    def _distribution(self, override: Override) -> Any:
        values, distributions = override.value(), self._optuna.distributions
        if not isinstance(values, IntervalSweep):
            return distributions.CategoricalDistribution(list(override.sweep_string_iterator()))
        # Hydra annotates them as floats and gives what was written.
        start, end, log = cast(Any, values.start), cast(Any, values.end), "log" in values.tags
        if isinstance(start, int) and isinstance(end, int):
            return distributions.IntDistribution(start, end, log=log)
        return distributions.FloatDistribution(start, end, log=log)


def storage_url(path: Path) -> str:
    """A study's file as Optuna wants it."""
    return f"sqlite:///{path.absolute()}"


def import_optuna() -> Any:
    """The module `optuna`.

    Raises:
        FashionError: it is not installed.
    """
    try:
        import optuna
    except ImportError as error:
        raise FashionError("this sweep needs Optuna: pip install 'imatfashion[sweep]'") from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna
