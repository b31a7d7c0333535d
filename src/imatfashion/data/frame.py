"""The garments of a table as a pandas frame, to look at and to count with."""

from __future__ import annotations

import numpy as np
import pandas as pd

from imatfashion.data.annotations import Annotations


def garment_frame(table: Annotations) -> pd.DataFrame:
    """A row per garment, without its mask.

    Args:
        table: the table.

    Returns:
        Columns `photo` (name), `class` (categorical), `attributes` (names joined with `, `; missing where unknown),
        `area` (pixels of the table's grid), `share` (of the grid's pixels), `score`, `row` (in the source).
    """
    photo = np.asarray(table.garment_photo)
    sizes = np.array([table.size(index) for index in range(len(table))], dtype=np.int64).reshape(-1, 2)
    names = [table.name(index) for index in range(len(table))]
    area = np.asarray(table.garment_area)
    return pd.DataFrame(
        {
            "photo": [names[index] for index in photo],
            "class": pd.Categorical([table.class_names[index] for index in table.garment_class], table.class_names),
            "attributes": [_attributes(table, garment) for garment in range(len(photo))],
            "area": area,
            "share": area / sizes[photo].prod(axis=1),
            "score": np.asarray(table.garment_score),
            "row": np.asarray(table.garment_row),
        }
    )


def _attributes(table: Annotations, garment: int) -> str | None:
    if not table.garment_known[garment]:
        return None
    return ", ".join(table.attribute_names[index] for index in np.flatnonzero(table.garment_attributes[garment]))
