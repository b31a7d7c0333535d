"""A chunk of photos, made smaller: what one process does at a time."""

from __future__ import annotations

import zlib
from typing import Any, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from imatfashion.data.annotations import Annotations
from imatfashion.data.photo_source import PhotoSource, open_photos
from imatfashion.data.photos import PhotoError, decode_photo
from imatfashion.data.prepared import QUALITY, prepared_size
from imatfashion.data.render import render_image
from imatfashion.data.thumbnails import SIDE
from imatfashion.masks.paint import Sampler
from imatfashion.masks.runs import Runs, encode_mask
from imatfashion.masks.view import View

PHOTO = np.dtype([("length", "<i8"), ("crc", "<u4"), ("thumbnail", "u1", (SIDE, SIDE))])
"""What is kept of a photo beside its JPEG: its bytes, their CRC-32, and its thumbnail."""
COUNT = np.dtype("<i4")
"""Runs of a garment."""
RUN = np.dtype("<i4")
"""Start and length of a run are two of these."""


class Chunk(NamedTuple):
    """Photos in the table's order, as they are appended to the files of a preparation.

    Attributes:
        jpegs: the JPEGs, one after another; nothing for a photo that cannot be read.
        photos: a `PHOTO` each (n,).
        counts: runs of each garment, int32 (g,).
        runs: start and length of the runs, int32 (r, 2).
    """

    jpegs: bytes
    photos: npt.NDArray[Any]
    counts: npt.NDArray[np.int32]
    runs: npt.NDArray[np.int32]


class ChunkMaker:
    """Makes chunks of a table's photos; it pickles as the table's path.

    Args:
        annotations: the table.
        resolution: side of the samples that the photos are prepared for, pixels.
    """

    def __init__(self, annotations: Annotations, resolution: int) -> None:
        self._annotations, self._resolution = annotations, resolution

    def __call__(self, photos: range) -> Chunk:
        """Prepare some photos of the table.

        Raises:
            FashionError: the table knows no photos.
        """
        source = open_photos(self._annotations)
        views = [self._view(photo) for photo in photos]
        jpegs = [self._jpeg(source, photo, view) for photo, view in zip(photos, views, strict=True)]
        records = np.zeros(len(photos), dtype=PHOTO)
        for record, photo, jpeg in zip(records, photos, jpegs, strict=True):
            record["length"], record["crc"] = len(jpeg), zlib.crc32(jpeg)
            record["thumbnail"] = source.thumbnail(photo)
        masks = [runs for photo, view in zip(photos, views, strict=True) for runs in self._masks(photo, view)]
        pairs = [np.stack([runs.starts, runs.lengths], axis=1) for runs in masks]
        counts = np.array([len(pair) for pair in pairs], dtype=COUNT)
        return Chunk(b"".join(jpegs), records, counts, np.concatenate([np.zeros((0, 2), RUN), *pairs]).astype(RUN))

    def _view(self, photo: int) -> View:
        size = self._annotations.size(photo)
        return View.squash(*size, *prepared_size(*size, self._resolution))

    def _jpeg(self, source: PhotoSource, photo: int, view: View) -> bytes:
        size, enough = self._annotations.size(photo), (view.out_height, view.out_width)
        try:
            # Training puts up with a decoded photo that is a little too small; here that would stay for good.
            image_RGB = render_image(decode_photo(source.load(photo), at_least=enough, size=size), size, view)
        except PhotoError:
            # Training takes it as it takes any broken photo; the report names it.
            return b""
        image_BGR = cv2.cvtColor(image_RGB, cv2.COLOR_RGB2BGR)
        return bytes(cv2.imencode(".jpg", image_BGR, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1])

    def _masks(self, photo: int, view: View) -> list[Runs]:
        height, width = self._annotations.size(photo)
        sampler = Sampler(height, width, view.rows(height), view.cols(width))
        runs_of = self._annotations.runs
        return [encode_mask(sampler.sample(runs_of(garment))) for garment in self._annotations.garments(photo)]
