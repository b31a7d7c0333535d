"""The prediction table that stage 2 trains on: garments as the network gave them, on the prediction's grid."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from imatfashion.data.labels import Labels
from imatfashion.data.table.writer import TableWriter
from imatfashion.predict.results import PhotoResult

MADE_BY = "made_by"
"""Where `meta.json` keeps the fingerprint of the prediction that wrote the table."""

UNREADABLE = "unreadable"
"""Where `meta.json` keeps the names of the photos that could not be read, which have no garments for that alone."""


def write_table(
    out: Path, results: Iterator[PhotoResult], classes: Labels, attributes: Labels, meta: dict[str, Any]
) -> None:
    """Write the results as an annotation table; a photo without garments is in it, too.

    Args:
        out: the table's folder.
        results: the photos, without any post-processing.
        classes: the model's categories.
        attributes: the model's attributes.
        meta: what `meta.json` keeps beside `kind`, such as the checkpoint's hash.
    """
    unreadable: list[str] = []
    with TableWriter(out, classes=classes, attributes=attributes, meta={"kind": "prediction", **meta}) as table:
        for result in results:
            table.photo(result.name, result.height, result.width)
            if result.problem:
                unreadable.append(result.name)
            for garment in result.garments:
                index, score = garment.class_index, garment.score
                table.garment(result.name, index, garment.attributes, garment.runs, score=score)
        table.meta[UNREADABLE] = unreadable
