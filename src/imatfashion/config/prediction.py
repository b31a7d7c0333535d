"""Contradictions in a prediction's config, each refused with one sentence before anything heavy is imported."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from imatfashion.config.checkpoints import checkpoint_paths
from imatfashion.config.precisions import check_precision
from imatfashion.errors import FashionError

if TYPE_CHECKING:
    from imatfashion.config.schema import PredictConfig

_BY_ENDING = {".csv": "submission", ".json": "coco", ".table": "table", "": "png"}
_CHOICES = {
    "format": tuple(_BY_ENDING.values()),
    "size": ("grid", "photo"),
    "components": ("auto", "yes", "no"),
    "overlap": ("within_class", "none", "parts"),
    "folds": ("own", "ensemble"),
    "tta": ("none", "flip"),
    "aspect": ("square", "own"),
}
# YAML and command lines may turn a bare yes or no into a truth value.
_YES_NO = {"true": "yes", "false": "no"}


def check_predict_config(config: PredictConfig) -> None:
    """Refuse a prediction's config that the schema's types let pass.

    Raises:
        FashionError: the first value found that is no choice or out of range, or contradicts another.
    """
    checkpoint_paths("attributes_ckpt", config.attributes_ckpt)
    if not checkpoint_paths("classes_ckpt", config.classes_ckpt):
        raise FashionError("classes_ckpt is empty; give a checkpoint of stage=classes, such as a run's best.ckpt")
    if config.precision is not None:
        check_precision(config.precision)
    if config.shard is not None:
        parse_shard(config.shard)
    derived = {"format": output_format(config), "components": components(config)}
    for key, choices in _CHOICES.items():
        value = derived.get(key) or getattr(config, key)
        if value not in choices:
            raise FashionError(f"{key}={value} is not a choice; take one of {', '.join(choices)}")
    for sentence in _contradictions(config):
        raise FashionError(sentence)


def output_format(config: PredictConfig) -> str:
    """The output's format: as given, else what its ending says.

    Raises:
        FashionError: the ending says nothing.
    """
    if config.format:
        return config.format
    format = _BY_ENDING.get(Path(config.output).suffix.lower())
    if format is None:
        raise FashionError(
            f"output={config.output} does not tell its format: end it with .csv, .json or .table (a folder of PNGs has "
            "no ending), or give format="
        )
    return format


def components(config: PredictConfig) -> str:
    """`auto`, `yes` or `no`, where it is a choice at all."""
    return _YES_NO.get(config.components.lower(), config.components)


def parse_shard(text: str) -> tuple[int, int]:
    """Part and number of parts that `i/n` means.

    Raises:
        FashionError: it is not of this form.
    """
    match = re.fullmatch(r"(\d+)/(\d+)", text.strip())
    if not match or int(match[1]) >= int(match[2]):
        raise FashionError(f"shard={text} must be i/n with i from 0 to n − 1, such as 0/4")
    return int(match[1]), int(match[2])


def are_scales(scales: Sequence[float]) -> bool:
    """Whether they are sizes that a segmenter can look at, as shares of its own: one or several from ¼ to 4."""
    return bool(scales) and all(0.25 <= scale <= 4 for scale in scales)


def _contradictions(config: PredictConfig) -> Iterator[str]:
    if not Path(config.output).name:
        yield f"output={config.output} names no file or folder; give one, such as output=submission.csv"
    format = output_format(config)
    if (format == "table") != (Path(config.output).suffix.lower() == ".table"):
        yield (
            f"format={format} and output={config.output} contradict each other; a table, and nothing else, ends with "
            ".table"
        )
    if format == "submission" and config.size == "photo":
        yield "size=photo is not for a submission, which lies on a grid; use format=coco or png, or size=grid"
    if format == "table" and (config.min_area or config.tuning or config.overlap != "within_class"):
        yield f"a table is written before post-processing: leave out min_area, tuning and overlap={config.overlap}"
    for key in ("grid", "batch_size"):
        if getattr(config, key) < 1:
            yield f"{key}={getattr(config, key)} must be at least 1"
    if config.grid > 16_384:
        yield f"grid={config.grid} must be at most 16384"
    if not 0 <= config.threshold <= 1:
        yield f"threshold={config.threshold} must lie between 0 and 1"
    if not 0 <= config.give_way <= 1:
        yield f"give_way={config.give_way} must lie between 0 and 1"
    if config.min_area < 0:
        yield f"min_area={config.min_area} must not be negative"
    if not are_scales(config.tta_scales):
        yield f"tta_scales={config.tta_scales} must be one or several numbers between 0.25 and 4, such as [1.0]"
    if config.workers == 0 or config.workers < -1:
        yield f"workers={config.workers} must be at least 1, or -1 to derive it"
