"""One job of a sweep: skipped when it is done, gone on with when it was cut short, and its end written down."""

from __future__ import annotations

import gc
import os
import sys
import traceback
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from imatfashion.config.pruning import PRUNED, Pruned, judged_by
from imatfashion.config.sentences import explain
from imatfashion.config.study_judge import study_judge
from imatfashion.config.sweep_jobs import SweepJob, claim, finite, is_harmless
from imatfashion.errors import FashionError, Interrupted, fault_of_machine

Convert = Callable[[DictConfig, list[str], str | None], Any]
"""Takes the composed config, the overrides for a run that is resumed, and the run directory for a new one."""


def run_sweep_job(main: Callable[[Any], Any], composed: DictConfig, convert: Convert, schema: type[Any]) -> Any:
    """Run a job that has a run directory.

    Args:
        main: what a single run calls.
        composed: the job's config.
        convert: makes what `main` takes.
        schema: the config's dataclass, for sentences about its keys.

    Returns:
        What `main` returns, as a finite number; `PRUNED` when the sweep stopped it early; None when the job failed,
        which an optimiser takes for a failed trial.

    Raises:
        Interrupted: a signal came; the sweep ends.
    """
    settings = HydraConfig.get()
    sweep_dir, overrides = Path(settings.sweep.dir).absolute(), list(settings.overrides.task)
    # wandb shows the jobs of a sweep together.
    os.environ.setdefault("WANDB_RUN_GROUP", sweep_dir.name)
    job = claim(sweep_dir, overrides, int(settings.job.num))
    judge = study_judge(settings.sweeper, sweep_dir, int(settings.job.num))
    if job.state == "done" or (job.state == "pruned" and judge is not None):
        print(f"job {job.folder.name} is {job.state} already: {job.folder}")  # noqa: T201
        return job.value if job.state == "done" else PRUNED
    job = replace(job, state="running", sentence="")
    job.save()
    try:
        with judged_by(judge):
            value = finite(main(_config(job, composed, convert)))
    except Pruned as end:
        print(f"job {settings.job.num} pruned: {end}")  # noqa: T201
        return _ended(replace(job, state="pruned", sentence=str(end)), PRUNED)
    except (Interrupted, KeyboardInterrupt):
        replace(job, state="stopped").save()
        raise
    except Exception as error:
        # Whatever ends one job of a sweep (out of memory, a bug) must not end the others.
        sentence = keep_error(error, job.folder, schema)
        replace(job, state="failed", sentence=sentence).save()
        return None
    finally:
        # A job's network must not take room from the next one's.
        gc.collect()
    return _ended(replace(job, state="done", value=value), value)


def _ended(job: SweepJob, value: float | str | None) -> float | str | None:
    """Write down the end of a job that did not fail, though it may have before."""
    for name in ("error.txt", "traceback.txt"):
        (job.folder / name).unlink(missing_ok=True)
    job.save()
    return value


def _config(job: SweepJob, composed: DictConfig, convert: Convert) -> Any:
    if not (job.folder / "config.yaml").is_file():
        return convert(composed, list(job.overrides), str(job.folder))
    composed.resume = str(job.folder)
    return convert(composed, [override for override in job.overrides if is_harmless(override)], None)


def keep_error(error: Exception, folder: Path, schema: type[Any]) -> str:
    """A job failed: its folder says why (`error.txt`), and so does the terminal.

    Args:
        error: what ended it.
        folder: the job's.
        schema: the config's dataclass, for sentences about its keys.

    Returns:
        The sentence.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if isinstance(error, OmegaConfBaseException):
        sentence = explain(error, schema)
    elif isinstance(error, FashionError):
        sentence = str(error)
    elif told := fault_of_machine(error):
        sentence = told
    else:
        sentence = f"{type(error).__name__}: {error} (traceback.txt has the place)"
        (folder / "traceback.txt").write_text("".join(traceback.format_exception(error)), encoding="utf-8")
    (folder / "error.txt").write_text(sentence + "\n", encoding="utf-8")
    print(f"job {HydraConfig.get().job.num} failed: {sentence}", file=sys.stderr)  # noqa: T201
    return sentence
