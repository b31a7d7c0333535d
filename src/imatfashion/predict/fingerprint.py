"""Everything that a photo's prediction depends on, so that an unfinished one goes on only with the same."""

from __future__ import annotations

import hashlib
import stat
from collections.abc import Sequence
from pathlib import Path

from imatfashion.config.schema import PredictConfig
from imatfashion.predict.differences import PHOTO_SIZES, VERSION, Fingerprint
from imatfashion.predict.folds import Job
from imatfashion.predict.images import Photo
from imatfashion.predict.plan import Plan

_VERSION = 3
"""Of the part file's format."""


def fingerprint_of(config: PredictConfig, plan: Plan, jobs: Sequence[Job]) -> Fingerprint:
    """JSON-able: what a photo's line depends on, which photos there are, how large, and in how many parts."""
    photos = [photo for job in jobs for photo in job.photos]
    return {
        VERSION: _VERSION,
        "classes_ckpt": [_hash_file(checkpoint) for job in jobs for checkpoint in job.checkpoints],
        "jobs": [[len(job.checkpoints), len(job.photos)] for job in jobs],
        "attributes_ckpt": [_hash_file(checkpoint) for checkpoint in plan.attributes],
        "tta": config.tta,
        "tta_scales": list(plan.looks.scales),
        "aspect": config.aspect,
        "dense_crf": config.dense_crf,
        "guided_filter": config.guided_filter,
        "precision": config.precision,
        "images": _hash_texts([photo.name for photo in photos]),
        PHOTO_SIZES: hash_sizes(photos),
        "format": plan.format,
        "side": plan.side,
        "components": plan.components,
        "overlap": config.overlap,
        "give_way": config.give_way,
        "min_area": config.min_area,
        "threshold": config.threshold,
        "tuning": _hash_file(Path(config.tuning)) if config.tuning and Path(config.tuning).is_file() else None,
        "shards": plan.shards,
    }


def hash_sizes(photos: Sequence[Photo]) -> str:
    """SHA-256 of the photo files' sizes, bytes, in their order.

    Sizes tell most photos of the same name apart and cost a look at the folder. A time would do so, too, but copies on
    other machines, whose shards belong together, have times of their own.
    """
    return _hash_texts([str(_size(photo.path)) for photo in photos])


def _size(path: Path) -> int:
    """A file's size, bytes; 0 of one that is missing, and of what is no file, which has no size that machines share."""
    try:
        status = path.stat()
    except OSError:
        return 0
    return status.st_size if stat.S_ISREG(status.st_mode) else 0


def _hash_texts(texts: Sequence[str]) -> str:
    """SHA-256 of texts without NUL, in their order."""
    return hashlib.sha256("\0".join(texts).encode("utf-8", "surrogateescape")).hexdigest()


def _hash_file(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
