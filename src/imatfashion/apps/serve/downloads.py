"""Rows that the page holds, written by the writers of predict.py."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory

from imatfashion.apps.serve.limits import Limits
from imatfashion.apps.serve.refusal import Refused
from imatfashion.data.labels import Labels
from imatfashion.errors import FashionError
from imatfashion.predict.coco import write_coco
from imatfashion.predict.results import PhotoResult, from_line
from imatfashion.predict.submission import write_submission

FILES = {"submission.csv": "text/csv; charset=utf-8", "garments.json": "application/json"}
"""The downloads, and what they are."""


def write_file(name: str, body: bytes, classes: Labels, attributes: Labels, limits: Limits) -> bytes:
    """A download's bytes.

    Args:
        name: one of `FILES`.
        body: JSON, `{"rows": [row, …]}` with a row a photo as the page got it.
        classes: the model's classes.
        attributes: the model's attributes.
        limits: what is allowed.

    Raises:
        Refused: the body is no such JSON, or its rows do not fit the model or the file (422).
    """
    results = [_result(row, classes, attributes, limits) for row in _rows(body, limits)]
    if len({result.name for result in results}) < len(results):
        raise Refused(422, "two photos have the same name; rename one, so that their rows can be told apart")
    if name == "submission.csv" and any((r.height, r.width) != (limits.grid, limits.grid) for r in results):
        raise Refused(
            422, f"a submission's rows lie on a grid of {limits.grid} × {limits.grid}; ask for them with grid=1"
        )
    # The writers write files; what lies here for a moment are rows, never a photo.
    with TemporaryDirectory(prefix="imatfashion-") as folder:
        out = Path(folder) / name
        if name == "submission.csv":
            write_submission(out, iter(results), classes, attributes)
        else:
            write_coco(out, (iter(results), iter(results)), classes, attributes)
        return out.read_bytes()


def _rows(body: bytes, limits: Limits) -> list[str]:
    try:
        rows = json.loads(body)["rows"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise Refused(422, 'a download wants JSON: {"rows": [row, …]}') from error
    if not isinstance(rows, list) or not all(isinstance(row, str) for row in rows) or not rows:
        raise Refused(422, 'a download wants JSON with at least one row: {"rows": [row, …]}')
    if len(rows) > limits.photos:
        raise Refused(422, f"a download holds at most {limits.photos} photos, and {len(rows)} were asked for")
    return rows


def _result(row: str, classes: Labels, attributes: Labels, limits: Limits) -> PhotoResult:
    """The row's result, of which nothing is taken on trust: the browser had it."""
    strange = Refused(422, "a row was not made by this page's model; predict the photo again")
    try:
        result = from_line(row)
    except (FashionError, RecursionError, OverflowError) as error:
        raise strange from error
    known = all(
        0 <= garment.class_index < len(classes)
        and all(0 <= index < len(attributes) for index in garment.attributes or ())
        for garment in result.garments
    )
    if not known or min(result.height, result.width) < 1 or result.height * result.width > limits.pixels:
        raise strange
    return result
