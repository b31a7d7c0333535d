"""What every reader yields: garments and refusals, one by one."""

from __future__ import annotations

from dataclasses import dataclass

from imatfashion.masks.runs import Runs


@dataclass(frozen=True)
class Garment:
    """One annotated garment.

    Attributes:
        photo: the photo's file name with its ending, relative to the photo folder.
        height: rows of the grid that the runs count over (the photo's, unless the format has a grid of its own).
        width: columns of that grid.
        class_id: the category's id in the label file.
        attribute_ids: the attributes' ids; None where the source leaves them open.
        runs: the mask.
        row: where the source has it: line of a CSV (the header is line 1), index of a JSON annotation.
        group: the value of the grouping column, "" where there is none.
    """

    photo: str
    height: int
    width: int
    class_id: int
    attribute_ids: tuple[int, ...] | None
    runs: Runs
    row: int
    group: str = ""


@dataclass(frozen=True)
class EmptyPhoto:
    """A photo that the source lists without any garment."""

    photo: str
    height: int
    width: int


@dataclass(frozen=True)
class Refusal:
    """A record that was not taken: `row` as in `Garment`, the photo's name as far as known, the reason."""

    row: int
    photo: str
    reason: str


Record = Garment | EmptyPhoto | Refusal
