"""`resume=RUN_DIR`: the config of that run, with what may change."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from imatfashion.errors import FashionError

MAY_CHANGE = (
    "gpu",
    "logger",
    "platform",
    "trainer",
    "data.workers",
    "max_steps",
    "checkpoint_minutes",
    "progress",
    "resume",
)


def merge_resumed(composed: DictConfig, overrides: list[str]) -> DictConfig:
    """The run's own config, with the allowed overrides of this command line.

    Args:
        composed: the config of this command line; `resume` is the run directory.
        overrides: the command line's overrides, `key=value` each.

    Raises:
        FashionError: no run is there, or an override would change what the run is.
    """
    run_dir = Path(composed.resume)
    saved = load_yaml(run_dir)
    merged = OmegaConf.merge(OmegaConf.structured(OmegaConf.get_type(composed)), saved)
    for override in overrides:
        key = override.split("=", 1)[0].lstrip("+~")
        if not any(key == name or key.startswith(f"{name}.") for name in MAY_CHANGE):
            raise FashionError(
                f"'{override}' cannot change in a resumed run: {run_dir}/config.yaml stays as it was; only "
                f"{', '.join(MAY_CHANGE[:-1])} may be given with resume, or start a new run with init_from="
            )
        # A group's choice (gpu=h200) brings its values with it, a key of it (gpu.devices=2) itself alone.
        OmegaConf.update(merged, key, OmegaConf.select(composed, key), merge=False)
    merged.resume, merged.run_dir = str(run_dir), str(run_dir)
    assert isinstance(merged, DictConfig)
    return merged


def load_yaml(run_dir: Path) -> DictConfig:
    """The `config.yaml` of a run directory.

    Raises:
        FashionError: there is none.
    """
    path = run_dir / "config.yaml"
    if not path.is_file():
        raise FashionError(f"{run_dir} is not a run directory: it has no config.yaml (resume= takes a folder of runs/)")
    loaded = OmegaConf.load(path)
    assert isinstance(loaded, DictConfig)
    return loaded


def save_config(config: Any, path: Path) -> None:
    """Write a config (a dataclass of the schema) as YAML; whole or not at all, since half of one is a valid config."""
    aside = path.with_name(path.name + ".part")
    OmegaConf.save(OmegaConf.structured(config), aside)
    aside.replace(path)


def load_config(run_dir: Path, schema: type[Any]) -> Any:
    """The config of a run as an instance of `schema`."""
    return OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(schema), load_yaml(run_dir)))
