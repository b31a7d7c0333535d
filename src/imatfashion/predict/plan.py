"""What a prediction's config means, checked before anything is loaded."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from imatfashion.config.checkpoints import checkpoint_paths
from imatfashion.config.prediction import check_predict_config, components, output_format, parse_shard
from imatfashion.config.schema import PredictConfig
from imatfashion.data.cores import core_count
from imatfashion.errors import FashionError
from imatfashion.predict.coco import OPENING
from imatfashion.predict.images import Photo
from imatfashion.predict.looks import LookOptions
from imatfashion.predict.overlays import overlay_path
from imatfashion.predict.parts import part_path
from imatfashion.predict.pngs import png_name
from imatfashion.predict.submission import COLUMNS

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
    check_predict_config(config)
    shard, shards = parse_shard(config.shard) if config.shard is not None else _shard_of_environment()
    return Plan(
        classes=_checkpoints(config, "classes_ckpt"),
        attributes=_checkpoints(config, "attributes_ckpt"),
        looks=_look_options(config),
        output=Path(config.output).expanduser(),
        format=output_format(config),
        components=components(config),
        side=config.grid if config.size == "grid" else None,
        shard=shard,
        shards=shards,
        workers=_workers(config.workers),
    )


def _look_options(config: PredictConfig) -> LookOptions:
    return LookOptions(
        flip=config.tta == "flip",
        scales=tuple(config.tta_scales),
        own_aspect=config.aspect == "own",
        dense_crf=config.dense_crf,
        guided_filter=config.guided_filter,
    )


def _checkpoints(config: PredictConfig, key: str) -> tuple[Path, ...]:
    return tuple(Path(path).expanduser() for path in checkpoint_paths(key, getattr(config, key)))


def is_made(output: Path, format: str) -> bool:
    """Whether the folder that shall be written is there, which is whole then: it appears by a rename.

    An empty one is the user's, made beforehand: it is filled.
    """
    return output.is_dir() and format not in _OURS and any(output.iterdir())


def has_parts(plan: Plan) -> bool:
    """Whether a part file of the prediction is there: it has not come to its end."""
    return any(part_path(plan.output, shard, plan.shards).exists() for shard in range(plan.shards))


def in_the_way(output: Path, difference: str = "") -> FashionError:
    """What is said where the folder to write is there and is not this prediction's.

    Args:
        output: the folder.
        difference: what it was made with and this prediction is not, "" where that is not known.
    """
    made = f", made with {difference}" if difference else ""
    return FashionError(f"the output {output} is there already{made}; remove it or change output=")


def check_outputs(plan: Plan, photos: Sequence[Photo]) -> None:
    """Refuse to write over what is not ours.

    A finished file of the same format is replaced; a folder or any other file is not, but for one whose part files are
    still there: that prediction was killed before its last step.

    Raises:
        FashionError: something else is in the way.
    """
    # A table says itself what made it: that is looked at when this prediction's fingerprint is known.
    if is_made(plan.output, plan.format) and plan.format != "table" and not has_parts(plan):
        raise in_the_way(plan.output)
    if plan.output.exists() and not _is_ours(plan.output, plan.format):
        raise FashionError(f"{plan.output} is there and is not a {plan.format} that was written here; change output=")
    if plan.format == "png" and len({png_name(photo.name) for photo in photos}) < len(photos):
        raise FashionError("format=png writes one NAME.png a photo, but some photos differ in their ending alone")


def check_overlays(plan: Plan, photos: Sequence[Photo], images: str, overlays: str) -> None:
    """Refuse a folder of pictures in which they would hurt the photos or the output.

    Args:
        plan: what is to be written.
        photos: the photos to predict.
        images: where they were looked for.
        overlays: the folder.

    Raises:
        FashionError: a picture would replace a photo, the next prediction would take the pictures for photos, or the
            folder lies in the output's, which appears whole at the end.
    """
    folder, source = Path(overlays).expanduser().resolve(), Path(images).expanduser().resolve()
    originals = {photo.path.resolve() for photo in photos}
    for photo in photos:
        if (picture := overlay_path(folder, photo.name)) in originals:
            raise FashionError(f"overlays={overlays} would write over the photo {picture}; give another folder")
    if source.is_dir() and folder.is_relative_to(source) and not _hidden(folder.relative_to(source)):
        raise FashionError(
            f"overlays={overlays} lies among the photos of images={images}, and the next prediction would take the "
            "pictures for photos; give another folder"
        )
    if plan.format not in _OURS and folder.is_relative_to(plan.output.resolve()):
        raise FashionError(
            f"overlays={overlays} lies in output={plan.output}, a folder that is written whole at the end; give "
            "another folder"
        )


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def _is_ours(output: Path, format: str) -> bool:
    if output.is_dir():
        return format not in _OURS
    beginning = _OURS.get(format)
    if beginning is None:
        return False
    with output.open("rb") as file:
        return file.read(len(beginning)) == beginning.encode()


def _shard_of_environment() -> tuple[int, int]:
    """Part and number of parts by what torchrun or SLURM say, else the whole."""
    ranks = [("RANK", "WORLD_SIZE")]
    # A batch script has SLURM's variables too, but only what srun starts is one of several processes.
    ranks += [("SLURM_PROCID", "SLURM_NTASKS")] if "SLURM_STEP_ID" in os.environ else []
    for rank, world in ranks:
        if os.environ.get(rank, "").isdecimal() and os.environ.get(world, "").isdecimal():
            return int(os.environ[rank]), int(os.environ[world])
    return 0, 1


def _workers(given: int) -> int:
    return given if given > 0 else min(core_count(), _MOST_WORKERS)
