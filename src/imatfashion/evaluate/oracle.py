"""The ceiling of an encoding: what a perfect network would score."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from imatfashion.data.annotations import Annotations
from imatfashion.data.render import paint_maps
from imatfashion.errors import FashionError
from imatfashion.evaluate.files import truth_table
from imatfashion.evaluate.on_grid import GRID, nothing, photo_garments, to_grid
from imatfashion.evaluate.score import class_names
from imatfashion.evaluate.score_report import ScoreReport, Tally
from imatfashion.masks.runs import decode_runs
from imatfashion.masks.view import View
from imatfashion.metrics.competition import PhotoGarments, photo_hits
from imatfashion.predict.garments import FoundGarment, garments_from_labels

REGIONS = ("auto", "regions", "components")
"""How label maps are cut into garments; `auto` takes components for the classes that the table has several of."""


def oracle_file(
    truth: Path,
    *,
    labels: Path | None = None,
    layers: int = 1,
    regions: str = "auto",
    grid: int = GRID,
    min_area: int = 0,
) -> ScoreReport:
    """The ceiling of an encoding on a truth file; arguments as `score_files` and `oracle`.

    Raises:
        FashionError: the truth cannot be read, or an argument is none that the encoding knows.
    """
    with truth_table(truth, labels) as found:
        bare = len(found.bare_photos)
        return oracle(found.table, layers=layers, regions=regions, grid=grid, min_area=min_area, bare_photos=bare)


def oracle(
    truth: Annotations,
    *,
    layers: int = 1,
    regions: str = "auto",
    grid: int = GRID,
    min_area: int = 0,
    bare_photos: int = 0,
) -> ScoreReport:
    """Send the truth through the target's own encoding and back, and score what is left of it.

    The garments are painted as label maps (larger first), the maps are cut into garments as a prediction's are, and
    each takes the attributes of the garment of the truth that owns most of its pixels. It is the ceiling of the
    encoding alone: a photo of which nothing is left gets no filler row.

    Args:
        truth: the truth.
        layers: label maps, 1 or 2.
        regions: one of `REGIONS`.
        grid: side of the label maps, pixels.
        min_area: garments of fewer pixels on those maps are dropped.
        bare_photos: further photos of the truth, without a garment: nothing on either side.

    Raises:
        FashionError: an argument is none that the encoding knows.
    """
    if layers not in (1, 2) or grid < 1:
        raise FashionError(f"layers={layers} grid={grid} is no encoding: layers is 1 or 2, grid a number of pixels")
    layer_of_class = truth.layer_of_class(layers)
    component_classes = _component_classes(truth, regions)
    tally = Tally()
    for photo in range(len(truth)):
        labels_LHW, owners_LHW, garments = _painted(truth, photo, layer_of_class, grid)
        found = garments_from_labels(
            labels_LHW, len(truth.classes), None, component_classes=component_classes, min_area=min_area
        )
        owners = [garments[_owner(garment, owners_LHW)] for garment in found]
        tally.add(photo_hits(photo_garments(truth, photo), _as_submitted(truth, found, owners, grid)))
    for _ in range(bare_photos):
        tally.add([])
    return tally.report(class_names(truth.classes), refused=truth.refused)


def _component_classes(truth: Annotations, regions: str) -> Collection[int]:
    if regions not in REGIONS:
        raise FashionError(f"regions={regions} is unknown: it is one of {', '.join(REGIONS)}")
    if regions == "auto":
        return truth.multiple_classes()
    return range(len(truth.classes)) if regions == "components" else ()


def _painted(
    truth: Annotations, photo: int, layer_of_class: Sequence[int], grid: int
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int16], list[int]]:
    size = truth.size(photo)
    return paint_maps(truth, photo, View.squash(*size, grid, grid), size, layer_of_class)


def _owner(garment: FoundGarment, owners_LHW: npt.NDArray[np.int16]) -> int:
    """Number of the true garment, always one of the same class, that has most of the pixels."""
    owners_HW = owners_LHW[garment.layer]
    return int(np.bincount(owners_HW[decode_runs(garment.runs, *owners_HW.shape)]).argmax())


def _as_submitted(truth: Annotations, found: list[FoundGarment], owners: list[int], grid: int) -> PhotoGarments:
    if not found:
        return nothing(truth)
    class_ids = np.array(truth.classes.ids, dtype=np.int64)[[garment.class_index for garment in found]]
    runs = to_grid([garment.runs for garment in found], grid, grid)
    return PhotoGarments(class_ids, truth.garment_attributes[owners], runs)
