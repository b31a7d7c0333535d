"""Targets that need no file: the run codec, COCO's counts and polygons, a checkpoint's description."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np

from imatfashion.errors import FashionError
from imatfashion.masks.coco import parse_coco_counts, polygons_to_runs, to_coco_counts
from imatfashion.masks.runs import RunError, Runs, decode_runs, encode_mask, format_runs, parse_runs
from imatfashion.models.spec import ModelSpec

HEIGHT, WIDTH = 9, 7


def runs(_: Path) -> Callable[[bytes], None]:
    """`start length …`: what is taken says the same when it is written and read again."""

    def target(data: bytes) -> None:
        text = data.decode("utf-8", "replace")
        for sorted_only in (False, True):
            with contextlib.suppress(RunError):
                found = parse_runs(text, HEIGHT, WIDTH, sorted_only=sorted_only)
                _check(found)
                same(parse_runs(format_runs(found), HEIGHT, WIDTH, sorted_only=True), found)

    return target


def coco_masks(_: Path) -> Callable[[bytes], None]:
    """Compressed counts, plain counts and polygons, by the first byte."""

    def target(data: bytes) -> None:
        with contextlib.suppress(RunError):
            found = _coco(data[:1], data[1:])
            if found is not None:
                _check(found)
                same(parse_coco_counts(to_coco_counts(found, HEIGHT, WIDTH), HEIGHT, WIDTH), found)

    return target


def spec(_: Path) -> Callable[[bytes], None]:
    """A checkpoint's JSON: what is taken is written and read again as itself."""

    def target(data: bytes) -> None:
        with contextlib.suppress(FashionError):
            found = ModelSpec.from_json(data.decode("utf-8", "surrogateescape"))
            assert ModelSpec.from_json(found.to_json()) == found

    return target


def same(one: Runs, other: Runs) -> None:
    """Equal runs."""
    assert np.array_equal(one.starts, other.starts)
    assert np.array_equal(one.lengths, other.lengths)


def _check(found: Runs) -> None:
    mask = decode_runs(found, HEIGHT, WIDTH)
    assert found.area == mask.sum()
    assert np.array_equal(decode_runs(encode_mask(mask), HEIGHT, WIDTH), mask)


def _coco(kind: bytes, rest: bytes) -> Runs | None:
    if kind == b"c":
        return parse_coco_counts(rest.decode("utf-8", "replace"), HEIGHT, WIDTH)
    try:
        value = json.loads(rest)
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, list):
        return None
    return parse_coco_counts(value, HEIGHT, WIDTH) if kind == b"l" else polygons_to_runs(value, HEIGHT, WIDTH)
