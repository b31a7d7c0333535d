"""Prepared data of the competition's size without its photos: true names, sizes and masks, pictures that stand in.

Every photo of one prepared size has the same JPEG, a drawn photo at quality 90; thumbnails are black. All else is made
by the code of `imatfashion prepare` from the table of the made train.csv.
"""

from __future__ import annotations

import shutil
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from full_scale import make

from imatfashion.data.annotations import PREPARED, Annotations
from imatfashion.data.build import open_table
from imatfashion.data.cores import core_count
from imatfashion.data.photo_source import PhotoSource
from imatfashion.data.prepare.chunks import ChunkMaker
from imatfashion.data.prepare.finish import finish
from imatfashion.data.prepare.parts import Parts
from imatfashion.data.prepare.pool import in_order
from imatfashion.data.prepare.run import CHUNK
from imatfashion.data.prepared import QUALITY, is_prepared, shorter_side
from imatfashion.data.sample.photo import draw_photo
from imatfashion.masks.view import View


def stand_in(root: Path, share: float, resolution: int) -> Path:
    """Make a train.csv of a share of the full size and prepare it; what is there already is used.

    Args:
        root: folder of the made train.csv.
        share: part of the full size.
        resolution: as of `imatfashion prepare`.

    Returns:
        The folder of the prepared data, below `root`.
    """
    out = root / f"prepared-{resolution}"
    if is_prepared(out):
        return out
    (root / "train").mkdir(parents=True, exist_ok=True)
    make(root, share)
    table = open_table(root, check_photos=False)
    folder = root / ".stand-in"
    shutil.rmtree(folder, ignore_errors=True)
    meta = {"kind": PREPARED, "format": "imaterialist2019", "source": None, "grid": None, "photo_dir": None}
    settings = {"resolution": resolution, "quality": QUALITY, "shorter_side": shorter_side(resolution)}
    todo = [range(first, min(first + CHUNK, len(table))) for first in range(0, len(table), CHUNK)]
    with Parts(folder, settings) as parts:
        for chunk in in_order(StandInMaker(table, resolution), todo, core_count()):
            parts.append(chunk)
        finish(table, folder, out, {**meta, **settings})
    return out


class StandInMaker(ChunkMaker):
    """Makes chunks whose masks are the table's and whose pictures are drawn ones of the right size."""

    def __init__(self, annotations: Annotations, resolution: int) -> None:
        super().__init__(annotations, resolution)

    def _jpeg(self, source: PhotoSource, photo: int, view: View) -> bytes:
        return _jpeg(view.out_height, view.out_width)


@lru_cache(maxsize=1024)
def _jpeg(height: int, width: int) -> bytes:
    picture = cv2.resize(_drawn(), (width, height), interpolation=cv2.INTER_AREA)
    return bytes(cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1])


@lru_cache(maxsize=1)
def _drawn() -> npt.NDArray[np.uint8]:
    return np.ascontiguousarray(draw_photo(np.random.default_rng(1), (900, 600)).image[:, :, ::-1])
