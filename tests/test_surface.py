"""What users type against, as a committed snapshot: config keys, groups, commands and names.

Renew it with `python tests/test_surface.py > tests/surface.txt`, and say in CHANGELOG.md what changed.
"""

from __future__ import annotations

import inspect
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args, get_type_hints

import typer
from hydra import compose, initialize_config_dir
from hydra.core.config_store import ConfigStore
from omegaconf import OmegaConf

import imatfashion
from imatfashion.cli import app
from imatfashion.config.schema import Config, PredictConfig

ROOT = Path(__file__).resolve().parent.parent
SNAPSHOT = ROOT / "tests" / "surface.txt"
RENEW = "python tests/test_surface.py > tests/surface.txt"


def surface() -> str:
    """The whole surface as text, a line a thing."""
    sections = {
        "train.py: keys as composed without overrides": config_lines("config", Config),
        "train.py: groups": group_lines(),
        "predict.py: keys as composed without overrides": config_lines("predict", PredictConfig),
        "imatfashion": command_lines(),
        "from imatfashion import": iter(sorted(imatfashion.__all__)),
    }
    return "\n\n".join("\n".join([f"# {title}", *lines]) for title, lines in sections.items()) + "\n"


def config_lines(name: str, schema: type[Any]) -> Iterator[str]:
    ConfigStore.instance().store(name=f"base_{name}", node=schema)
    with initialize_config_dir(version_base="1.3", config_dir=str(ROOT / "conf")):
        content = OmegaConf.to_container(compose(name), resolve=False)
    yield from flat("", content)


def flat(prefix: str, value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from flat(f"{prefix}.{key}" if prefix else key, item)
    else:
        yield f"{prefix} = {json.dumps(value, ensure_ascii=False)}"


def group_lines() -> Iterator[str]:
    for folder in sorted(path for path in (ROOT / "conf").iterdir() if path.is_dir()):
        yield f"{folder.name} = {' | '.join(sorted(path.stem for path in folder.glob('*.yaml')))}"


def command_lines() -> Iterator[str]:
    callbacks = {command.callback.__name__: command.callback for command in app.registered_commands if command.callback}
    for command, callback in sorted(callbacks.items()):
        yield command
        hints = get_type_hints(callback, include_extras=True)
        for name, parameter in inspect.signature(callback).parameters.items():
            kind, info = get_args(hints[name])
            default = "" if parameter.default is parameter.empty else f" = {json.dumps(parameter.default)}"
            yield f"  {_spelling(name, info, kind is bool)} {_type(kind)}{default}"


def _spelling(name: str, info: Any, is_flag: bool) -> str:
    if isinstance(info, typer.models.ArgumentInfo):
        return name.upper()
    if isinstance(info.default, str):  # in Annotated, the first argument is a spelling, not a default
        return info.default
    dashed = name.replace("_", "-")
    return f"--{dashed}/--no-{dashed}" if is_flag else f"--{dashed}"


def _type(kind: Any) -> str:
    return str(kind).replace("pathlib.", "") if get_args(kind) else str(kind.__name__)


def test_surface_is_the_committed_one() -> None:
    committed = SNAPSHOT.read_text(encoding="utf-8")
    assert surface() == committed, f"the public surface changed; if that is meant, renew the snapshot: {RENEW}"


if __name__ == "__main__":
    sys.stdout.write(surface())
