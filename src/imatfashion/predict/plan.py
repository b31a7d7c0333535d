"""What a prediction's config means, checked before anything is loaded."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from imatfashion.config.checkpoints import checkpoint_paths
from imatfashion.config.schema import PredictConfig
from imatfashion.errors import FashionError
from imatfashion.predict.coco import OPENING
from imatfashion.predict.images import Photo
from imatfashion.predict.looks import LookOptions
from imatfashion.predict.overlays import overlay_path
from imatfashion.predict.parts import part_path
from imatfashion.predict.pngs import png_name
from imatfashion.predict.submission import COLUMNS

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
_OURS = {"submission": ",".join(COLUMNS) + "\n", "coco": OPENING}
_MOST_WORKERS = 8


@dataclass(frozen=True)
class Plan:
    """A checked prediction.

    Attributes:
        classes: checkpoints of the class segmenter, or a sweep directory.
        attributes: checkpoints of the attribute classifier.
        looks: how the networks look at photos.
        output: the file or folder to write.
        format: `submission`, `coco`, `png` or `table`.
        components: `auto`, `yes` or `no`.
        side: side of the output grid, pixels; None for each photo's own size.
        shard: which part this process predicts, 0-based.
        shards: number of parts.
        workers: threads.
    """

    classes: tuple[Path, ...]
    attributes: tuple[Path, ...]
    looks: LookOptions
    output: Path
    format: str
    components: str
    side: int | None
    shard: int
    shards: int
    workers: int


def make_plan(config: PredictConfig) -> Plan:
    """Check a config and derive what it leaves open.

    Raises:
        FashionError: a value is no choice or out of range, or two contradict each other.
    """
    output = Path(config.output).expanduser()
    components = _YES_NO.get(config.components.lower(), config.components)
    format = config.format or _format_of(output)
    chosen = {"format": format, "components": components}
    for key, choices in _CHOICES.items():
        value = chosen.get(key) or getattr(config, key)
        if value not in choices:
            raise FashionError(f"{key}={value} is not a choice; take one of {', '.join(choices)}")
    for sentence in _contradictions(config, format, output):
        raise FashionError(sentence)
    shard, shards = _shard(config.shard)
    side = config.grid if config.size == "grid" else None
    classes, attributes = (_checkpoints(config, key) for key in ("classes_ckpt", "attributes_ckpt"))
    looks = LookOptions(config.tta == "flip", tuple(config.tta_scales), config.aspect == "own")
    workers = _workers(config.workers)
    return Plan(classes, attributes, looks, output, format, components, side, shard, shards, workers)


def _checkpoints(config: PredictConfig, key: str) -> tuple[Path, ...]:
    return tuple(Path(path).expanduser() for path in checkpoint_paths(key, getattr(config, key)))


def is_made(plan: Plan) -> bool:
    """Whether the folder that shall be written is there, which is whole then: it appears by a rename."""
    return plan.output.is_dir() and plan.format not in _OURS and any(plan.output.iterdir())


def has_parts(plan: Plan) -> bool:
    """Whether a part file of the prediction is there: it has not come to its end."""
    return any(part_path(plan.output, shard, plan.shards).exists() for shard in range(plan.shards))


def in_the_way(plan: Plan) -> FashionError:
    """What is said where the folder to write is there and is not this prediction's."""
    return FashionError(f"the output {plan.output} is there already; remove it or change output=")


def check_outputs(plan: Plan, photos: Sequence[Photo], overlays: Path | None) -> None:
    """Refuse to write over what is not ours.

    A finished file of the same format is replaced; a folder or any other file is not, but for one whose part files are
    still there: that prediction was killed before its last step.

    Raises:
        FashionError: something else is in the way.
    """
    # A table says itself what made it: that is looked at when this prediction's fingerprint is known.
    if is_made(plan) and plan.format != "table" and not has_parts(plan):
        raise in_the_way(plan)
    if plan.output.exists() and not _is_ours(plan.output, plan.format):
        raise FashionError(f"{plan.output} is there and is not a {plan.format} that was written here; change output=")
    if plan.format == "png" and len({png_name(photo.name) for photo in photos}) < len(photos):
        raise FashionError("format=png writes one NAME.png a photo, but some photos differ in their ending alone")
    if overlays is not None:
        folder = overlays.expanduser().resolve()
        for photo in photos:
            if overlay_path(folder, photo.name) == photo.path.resolve():
                raise FashionError(f"overlays={overlays} would write over the photo {photo.path}; give another folder")


def _is_ours(output: Path, format: str) -> bool:
    if output.is_dir():
        return format not in _OURS
    beginning = _OURS.get(format)
    if beginning is None:
        return False
    with output.open("rb") as file:
        return file.read(len(beginning)) == beginning.encode()


def _format_of(output: Path) -> str:
    format = _BY_ENDING.get(output.suffix.lower())
    if format is None:
        raise FashionError(
            f"output={output} does not tell its format: end it with .csv, .json or .table (a folder of PNGs has no "
            "ending), or give format="
        )
    return format


def _contradictions(config: PredictConfig, format: str, output: Path) -> Iterator[str]:
    if (format == "table") != (output.suffix.lower() == ".table"):
        yield f"format={format} and output={output} contradict each other; a table, and nothing else, ends with .table"
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
    if config.min_area < 0:
        yield f"min_area={config.min_area} must not be negative"
    if not config.tta_scales or not all(0.25 <= scale <= 4 for scale in config.tta_scales):
        yield f"tta_scales={config.tta_scales} must be one or several numbers between 0.25 and 4, such as [1.0]"
    if config.workers == 0 or config.workers < -1:
        yield f"workers={config.workers} must be at least 1, or -1 to derive it"


def _shard(given: str | None) -> tuple[int, int]:
    """Part and number of parts: as given, else from torchrun's or SLURM's environment."""
    if given is not None:
        match = re.fullmatch(r"(\d+)/(\d+)", given.strip())
        if not match or int(match[1]) >= int(match[2]):
            raise FashionError(f"shard={given} must be i/n with i from 0 to n − 1, such as 0/4")
        return int(match[1]), int(match[2])
    ranks = [("RANK", "WORLD_SIZE")]
    # A batch script has SLURM's variables too, but only what srun starts is one of several processes.
    ranks += [("SLURM_PROCID", "SLURM_NTASKS")] if "SLURM_STEP_ID" in os.environ else []
    for rank, world in ranks:
        if os.environ.get(rank, "").isdecimal() and os.environ.get(world, "").isdecimal():
            return int(os.environ[rank]), int(os.environ[world])
    return 0, 1


def _workers(given: int) -> int:
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return given if given > 0 else min(processors, _MOST_WORKERS)
