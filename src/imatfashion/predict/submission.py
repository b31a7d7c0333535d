"""The competition's CSV: ImageId, EncodedPixels, ClassId; a row a garment, every photo present."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from imatfashion.data.labels import Labels
from imatfashion.masks.runs import format_runs
from imatfashion.predict.aside import text_aside
from imatfashion.predict.results import GarmentResult, PhotoResult

COLUMNS = ("ImageId", "EncodedPixels", "ClassId")
FILLER = ("1 1", "23")
"""EncodedPixels and ClassId of a photo without garments: the customary row. It is written whatever the label file has,
since readers of submissions, ours too, know a filler by it and drop it."""


def write_submission(out: Path, results: Iterator[PhotoResult], classes: Labels, attributes: Labels) -> None:
    """Write the results, in their order, as a submission.

    Args:
        out: the CSV file.
        results: the photos.
        classes: the model's categories.
        attributes: the model's attributes.
    """
    with text_aside(out) as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(COLUMNS)
        for result in results:
            for garment in result.garments:
                rows.writerow((result.name, format_runs(garment.runs), class_cell(garment, classes, attributes)))
            if not result.garments:
                rows.writerow((result.name, *FILLER))


def class_cell(garment: GarmentResult, classes: Labels, attributes: Labels) -> str:
    """The ClassId cell, `class_attribute_attribute…`: the files' ids, attributes rising."""
    attribute_ids = sorted(attributes.ids[index] for index in garment.attributes or ())
    return "_".join(map(str, (classes.ids[garment.class_index], *attribute_ids)))
