"""Everything that a photo's prediction depends on, so that an unfinished one goes on only with the same."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from imatfashion.config.schema import PredictConfig
from imatfashion.predict.folds import Job
from imatfashion.predict.plan import Plan

_VERSION = 2
"""Of the part file's format."""


def fingerprint_of(config: PredictConfig, plan: Plan, jobs: Sequence[Job]) -> dict[str, Any]:
    """JSON-able: what a photo's line depends on, which photos there are, and in how many parts."""
    names = [photo.name for job in jobs for photo in job.photos]
    return {
        "version": _VERSION,
        "classes_ckpt": [_hash_file(checkpoint) for job in jobs for checkpoint in job.checkpoints],
        "jobs": [[len(job.checkpoints), len(job.photos)] for job in jobs],
        "attributes_ckpt": [_hash_file(checkpoint) for checkpoint in plan.attributes],
        "tta": config.tta,
        "tta_scales": list(plan.looks.scales),
        "aspect": config.aspect,
        "precision": config.precision,
        "images": _hash_names(names),
        "format": plan.format,
        "side": plan.side,
        "components": plan.components,
        "overlap": config.overlap,
        "min_area": config.min_area,
        "threshold": config.threshold,
        "tuning": _hash_file(Path(config.tuning)) if config.tuning and Path(config.tuning).is_file() else None,
        "shards": plan.shards,
    }


def _hash_names(names: Sequence[str]) -> str:
    """SHA-256 of a list of photo names, in its order."""
    return hashlib.sha256("\0".join(names).encode("utf-8", "surrogateescape")).hexdigest()


def _hash_file(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
