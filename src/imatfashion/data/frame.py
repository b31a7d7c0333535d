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
    names = [table.name(index) for index in range(len(table))]
    return pd.DataFrame(
        {
            "photo": [names[index] for index in photo],
            "class": pd.Categorical([table.class_names[index] for index in table.garment_class], table.class_names),
            "attributes": [_attributes(table, garment) for garment in range(len(photo))],
            "area": table.grid_areas(),
            "share": table.grid_shares(),
            "score": np.asarray(table.garment_score),
            "row": np.asarray(table.garment_row),
        }
    )


def _attributes(table: Annotations, garment: int) -> str | None:
    if not table.garment_known[garment]:
        return None
    return ", ".join(table.attribute_names[index] for index in np.flatnonzero(table.garment_attributes[garment]))
