"""Every number of a training config has a range, and nothing outside it is trained with."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, get_type_hints

import pytest

from imatfashion.config.checks import check_config
from imatfashion.config.schema import Config, DataConfig, Phase
from imatfashion.errors import FashionError


def config_of(folder: Path, key: str, value: object) -> Config:
    """A whole config in which one key has another value."""
    config = Config(data=DataConfig(root=str(folder)))
    *groups, name = key.split(".")
    node: Any = config
    for group in groups:
        node = getattr(node, group)
    setattr(node, name, value)
    return config


def refusal(folder: Path, key: str, value: object) -> str:
    with pytest.raises(FashionError) as refused:
        check_config(config_of(folder, key, value))
    return str(refused.value)


def numbers(node: Any = None, prefix: str = "") -> Iterator[tuple[str, type]]:
    """The keys of the schema that are numbers, with their types."""
    node = Config() if node is None else node
    types = get_type_hints(type(node))
    for field in fields(node):
        value, wanted = getattr(node, field.name), types[field.name]
        if is_dataclass(value):
            yield from numbers(value, f"{prefix}{field.name}.")
        for kind in (int, float):
            if wanted in (kind, kind | None):
                yield f"{prefix}{field.name}", kind


NUMBERS = dict(numbers())


def test_the_walk_finds_them() -> None:
    assert {"seed", "schedule.clip", "gpu.memory_gb", "data.limit", "augment.scale_min", "layers"} <= NUMBERS.keys()
    assert "data.near_duplicates" not in NUMBERS


@pytest.mark.parametrize("key", NUMBERS)
def test_every_number_has_a_range(tmp_path: Path, key: str) -> None:
    absurd: list[float] = [-(10**9)] if NUMBERS[key] is int else [-1e9, float("nan"), float("inf")]
    for value in absurd:
        assert key in refusal(tmp_path, key, value)


@pytest.mark.parametrize(
    ("key", "value", "sentence"),
    [
        ("seed", -1, "seed=-1 must lie between 0 and 4294967295"),
        ("seed", 2**32, "seed=4294967296 must lie between 0 and 4294967295"),
        ("logger.panels", -1, "logger.panels=-1 must lie between 0 and 100"),
        ("logger.panels", 101, "must lie between 0 and 100"),
        ("data.workers", -2, "data.workers=-2 must be at least 0, or -1 to derive it"),
        ("augment.probability", 2.0, "augment.probability=2.0 must lie between 0 and 1"),
        ("augment.brightness", 1.5, "must lie between 0 and 1"),
        ("augment.brightness", -0.2, "must lie between 0 and 1"),
        ("augment.contrast", 2.0, "must lie between 0 and 1"),
        ("augment.shift", 1.1, "must lie between 0 and 1"),
        ("augment.scale", 1.0, "augment.scale=1.0 must lie between 0 and 0.9"),
        ("augment.rotate", 181.0, "augment.rotate=181.0 must lie between 0 and 180"),
        ("schedule.encoder_ratio", -1.0, "must not be below 0"),
        ("schedule.weight_decay", -0.1, "must not be below 0"),
        ("schedule.clip", -1.0, "must not be below 0"),
        ("schedule.start_div", 0.5, "must be at least 1"),
        ("schedule.rate_factor", float("nan"), "schedule.rate_factor=nan is not a finite number"),
        ("gpu.memory_gb", float("inf"), "gpu.memory_gb=inf is not a finite number"),
        ("stage.dice_weight", -1.0, "must not be below 0"),
        ("model.dropout", 1.0, "must lie in [0, 1)"),
        ("model.decoder_width", 4097, "model.decoder_width=4097 must lie between 1 and 4096"),
        ("schedule.phases", [Phase(float("nan"))], "schedule.phases[0] needs epochs and max_rate above 0"),
        ("schedule.phases", [Phase(), Phase(1.0, False, float("inf"))], "schedule.phases[1] needs epochs"),
    ],
)
def test_refused(tmp_path: Path, key: str, value: object, sentence: str) -> None:
    assert sentence in refusal(tmp_path, key, value)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("seed", 20240101),
        ("seed", 2**32 - 1),
        ("logger.panels", 0),
        ("data.workers", 0),
        ("augment.probability", 1.0),
        ("augment.brightness", 1.0),
        ("augment.scale", 0.9),
        ("augment.rotate", 180.0),
        ("schedule.encoder_ratio", 0.0),
        ("schedule.clip", 0.0),
        ("schedule.weight_decay", 0.0),
        ("stage.dice_weight", 0.0),
        ("model.dropout", 0.0),
        ("model.decoder_width", 4096),
    ],
)
def test_taken(tmp_path: Path, key: str, value: object) -> None:
    check_config(config_of(tmp_path, key, value))


@pytest.mark.parametrize("name", ["brightness", "contrast", "saturation", "grey", "blur", "probability"])
def test_the_whole_range_makes_an_augmenter(name: str) -> None:
    from imatfashion.config.schema import AugmentConfig
    from imatfashion.data.augment import Augmenter

    for value in (0.0, 1.0):
        Augmenter(AugmentConfig(**{name: value}))
