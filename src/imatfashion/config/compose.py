"""The border to Hydra: composes a config, converts it once to dataclasses, and turns faults into sentences."""

from __future__ import annotations

import inspect
import os
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hydra
from hydra.core.config_store import ConfigStore
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from imatfashion.config.resume import merge_resumed
from imatfashion.config.sentences import explain
from imatfashion.errors import FashionError, Interrupted


def run_app(main: Callable[[Any], Any], *, config_name: str, schema: type[Any]) -> None:
    """Run a script whose config is composed by Hydra from the `conf` folder beside it.

    Args:
        main: takes the converted config, an instance of `schema`.
        config_name: the primary config in the `conf` folder.
        schema: dataclass that the composed config must fit.

    A fault that the user can mend is printed as one sentence and the process exits with 2. In a multirun the job's
    directory keeps the sentence (`error.txt`) and the sweep goes on.
    """
    ConfigStore.instance().store(name=f"base_{config_name}", node=schema)
    # Hydra would print a traceback's digest and exit with 1; with this it raises, and we write the sentence.
    os.environ.setdefault("HYDRA_FULL_ERROR", "1")
    conf_dir = Path(inspect.getfile(main)).resolve().parent / "conf"
    job = _Job(main, schema)
    app = hydra.main(version_base="1.3", config_path=str(conf_dir), config_name=config_name)(job)
    try:
        app()
        if job.failure is not None:
            raise job.failure
    except FashionError as error:
        _exit(str(error))
    except (HydraException, OmegaConfBaseException) as error:
        _exit(explain(error, schema))
    except ValueError as error:
        if job.started:
            raise
        _exit(f"the command line does not make a config: {error}")
    except Interrupted as stop:
        _exit(str(stop), code=stop.exit_code)
    except KeyboardInterrupt:
        _exit("stopped by Ctrl-C", code=128 + signal.SIGINT)


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
        several = HydraConfig.get().mode == RunMode.MULTIRUN
        try:
            return self.main(_convert(composed, self.schema, several))
        except (FashionError, OmegaConfBaseException) as error:
            if several:
                return _keep_error(error, self.schema)
            self.failure = error
            return None
        except Exception as error:
            # Whatever ends one job of a sweep (out of memory, a bug) must not end the others.
            if not several:
                raise
            return _keep_error(error, self.schema)


def _convert(composed: DictConfig, schema: type[Any], several: bool) -> Any:
    if composed.get("resume"):
        composed = merge_resumed(composed, list(HydraConfig.get().overrides.task))
    # `+key=value` passes Hydra's own check; merging into the bare schema refuses it.
    plain = OmegaConf.to_container(composed, enum_to_str=True)
    config = OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(schema), plain))
    if several and getattr(config, "run_dir", "") is None:
        config.run_dir = HydraConfig.get().runtime.output_dir  # type: ignore[union-attr]
    check = getattr(config, "check", None)
    if check is not None:
        check(several=several)
    return config


def _keep_error(error: Exception, schema: type[Any]) -> None:
    """One job of a sweep failed: its directory says why, the others go on."""
    folder = Path(HydraConfig.get().runtime.output_dir)
    folder.mkdir(parents=True, exist_ok=True)
    if isinstance(error, OmegaConfBaseException):
        sentence = explain(error, schema)
    elif isinstance(error, FashionError):
        sentence = str(error)
    else:
        sentence = f"{type(error).__name__}: {error} (traceback.txt has the place)"
        (folder / "traceback.txt").write_text("".join(traceback.format_exception(error)), encoding="utf-8")
    (folder / "error.txt").write_text(sentence + "\n", encoding="utf-8")
    print(f"job {HydraConfig.get().job.num} failed: {sentence}", file=sys.stderr)  # noqa: T201


def _exit(sentence: str, code: int = 2) -> None:
    print(f"error: {sentence}" if code == 2 else sentence, file=sys.stderr)  # noqa: T201
    sys.exit(code)
