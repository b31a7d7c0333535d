"""The border to Hydra: composes a config, converts it once to dataclasses, and turns faults into sentences."""

from __future__ import annotations

import inspect
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import hydra
from hydra.core.config_store import ConfigNode, ConfigStore
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from imatfashion.config.resume import merge_resumed
from imatfashion.config.sentences import explain
from imatfashion.config.sweep_end import advice, end_sweep
from imatfashion.config.sweep_run import keep_error, run_sweep_job
from imatfashion.errors import FashionError, Interrupted, fault_of_machine


def run_app(
    main: Callable[[Any], Any],
    *,
    config_name: str,
    schema: type[Any],
    after_sweep: Callable[[Path], Path] | None = None,
) -> None:
    """Run a script whose config is composed by Hydra from the `conf` folder beside it.

    Args:
        main: takes the converted config, an instance of `schema`.
        config_name: the primary config in the `conf` folder.
        schema: dataclass that the composed config must fit.
        after_sweep: takes the directory of a multirun that has ended and writes the page that compares its jobs.

    A fault that the user can mend is printed as one sentence and the process exits with 2. In a multirun the job's
    directory keeps the sentence (`error.txt`) and the sweep goes on; at its end, or at Ctrl-C, it is summed up.
    """
    store = ConfigStore.instance()
    store.store(name=f"base_{config_name}", node=schema)
    _share(store.repo)
    # Hydra would print a traceback's digest and exit with 1; with this it raises, and we write the sentence.
    os.environ.setdefault("HYDRA_FULL_ERROR", "1")
    conf_dir = Path(inspect.getfile(main)).resolve().parent / "conf"
    job = _Job(main, schema)
    app = hydra.main(version_base="1.3", config_path=str(conf_dir), config_name=config_name)(job)
    try:
        app()
        if job.failure is not None:
            raise job.failure
        end_sweep(after_sweep)
    except FashionError as error:
        _exit(str(error))
    except (HydraException, OmegaConfBaseException) as error:
        _exit(explain(error, schema) + advice(error))
    except ValueError as error:
        if job.started:
            raise
        _exit(f"the command line does not make a config: {error}")
    except BrokenPipeError:
        if job.started:
            raise
        # Who reads the help (`| head`) has gone. Python would say so once more when it prints what is left.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except Exception as error:
        told = fault_of_machine(error)
        if told is None:
            raise
        _exit(told)
    except Interrupted as stop:
        end_sweep(after_sweep)
        _exit(str(stop), code=stop.exit_code)
    except KeyboardInterrupt:
        end_sweep(after_sweep)
        _exit("stopped by Ctrl-C", code=128 + signal.SIGINT)


class _SharedNode(ConfigNode):
    """A stored config that copies of Hydra's store share.

    Hydra copies its store each time it lists a group, for its help a hundred times; and it copies what it loads from
    the store, so that what is shared never changes.
    """

    def __deepcopy__(self, memo: dict[int, Any]) -> _SharedNode:
        return self


def _share(nodes: dict[str, Any]) -> None:
    """Let copies of a group of the store share its configs, and those of the groups in it."""
    for name, node in nodes.items():
        if isinstance(node, dict):
            _share(node)
        else:
            nodes[name] = _SharedNode(**vars(node))


class _Job:
    """What Hydra calls, once or once a job of a multirun.

    A fault of a single run is kept in `failure`, since Hydra would print its own text beside the sentence.
    """

    def __init__(self, main: Callable[[Any], Any], schema: type[Any]) -> None:
        self.main = main
        self.schema = schema
        self.started = False
        self.failure: Exception | None = None

    def __call__(self, composed: DictConfig) -> Any:
        self.started = True
        if HydraConfig.get().mode == RunMode.MULTIRUN:
            return self._one_of_several(composed)
        try:
            return self.main(self._convert(composed, list(HydraConfig.get().overrides.task)))
        except Exception as error:
            if not isinstance(error, FashionError | OmegaConfBaseException) and fault_of_machine(error) is None:
                raise
            self.failure = error
            return None

    def _one_of_several(self, composed: DictConfig) -> Any:
        if _has_runs(self.schema):
            return run_sweep_job(self.main, composed, self._convert, self.schema)
        try:
            return self.main(self._convert(composed, []))
        except Exception as error:
            # Whatever ends one job must not end the others.
            keep_error(error, Path(HydraConfig.get().runtime.output_dir), self.schema)
            return None

    def _convert(self, composed: DictConfig, overrides: list[str], run_dir: str | None = None) -> Any:
        """The config as an instance of the schema, checked.

        Args:
            composed: what Hydra made.
            overrides: those of the command line, for a run that is resumed.
            run_dir: where a job of a multirun is written, unless it says so itself.
        """
        if composed.get("resume"):
            composed = merge_resumed(composed, overrides)
        # `+key=value` passes Hydra's own check; merging into the bare schema refuses it.
        plain = OmegaConf.to_container(composed, enum_to_str=True)
        config = OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(self.schema), plain))
        if run_dir is not None and config.run_dir is None:  # type: ignore[union-attr]
            config.run_dir = run_dir  # type: ignore[union-attr]
        validate = getattr(config, "validate", None)
        if validate is not None:
            validate(several=HydraConfig.get().mode == RunMode.MULTIRUN)
        return config


def _has_runs(schema: type[Any]) -> bool:
    """Whether a job has a run directory that it can go on in."""
    return any(field.name == "run_dir" for field in fields(schema))


def _exit(sentence: str, code: int = 2) -> None:
    print(f"error: {sentence}" if code == 2 else sentence, file=sys.stderr)  # noqa: T201
    sys.exit(code)
