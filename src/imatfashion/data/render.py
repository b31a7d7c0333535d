"""A sample's picture and maps, both through one view: nothing else resizes."""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from imatfashion.data.annotations import Annotations
from imatfashion.data.decode import ByteArray
from imatfashion.data.lookup import look_up, occurring
from imatfashion.data.photos import EncodedPhoto, decode_photo
from imatfashion.masks.paint import Sampler
from imatfashion.masks.view import View

OwnerArray = npt.NDArray[np.int16]

PADDING = 118
"""Grey outside the photo: about the mean of ImageNet's photos, so that it is near 0 once normalised."""
IGNORE = 255
"""Label of pixels that neither loss nor metrics count."""
_ENOUGH = 0.9
"""Least size of a decoded photo, as a share of the sample's: the commonest photo, 2000 wide, is then decoded four times
smaller for 512, at 500, in half the time that the next larger scale takes."""
NOBODY, OUTSIDE = -1, -2
"""Owners that are not garments: background, and what lies outside the photo."""


def render(photo: EncodedPhoto, size: tuple[int, int] | None, view: View) -> ByteArray:
    """Decode what a view shows of a photo.

    Args:
        photo: the photo as it is stored.
        size: height and width of the photo in the table, pixels, which decides its orientation; None for as viewers
            show it.
        view: what to show, in pixels of the upright photo of that size.

    Returns:
        RGB, uint8 (out_height, out_width, 3).

    Raises:
        PhotoError: the photo is damaged, or of another size.
    """
    if size is None:
        image = decode_photo(photo)
        return render_image(image, image.shape[:2], view)
    enough = (
        math.ceil(_ENOUGH * size[0] * view.out_height / view.height),
        math.ceil(_ENOUGH * size[1] * view.out_width / view.width),
    )
    return render_image(decode_photo(photo, at_least=enough, size=size), size, view)


def render_image(image: ByteArray, size: tuple[int, ...], view: View) -> ByteArray:
    """What a view shows of a decoded photo: averaged when shrinking, linear when growing, grey outside.

    Args:
        image: RGB, uint8 (h, w, 3), perhaps smaller than the photo.
        size: height and width of the photo, pixels, that the view counts in.
        view: what to show.

    Returns:
        RGB, uint8 (out_height, out_width, 3).
    """
    canvas = np.full((view.out_height, view.out_width, 3), PADDING, dtype=np.uint8)
    y0, y1, top, bottom = _interval(view.top, view.height, view.out_height, size[0], image.shape[0])
    x0, x1, left, right = _interval(view.left, view.width, view.out_width, size[1], image.shape[1])
    if top < bottom and left < right:
        crop = image[y0:y1, x0:x1]
        shrinks = crop.shape[0] >= bottom - top and crop.shape[1] >= right - left
        method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
        canvas[top:bottom, left:right] = cv2.resize(crop, (right - left, bottom - top), interpolation=method)
    return canvas[:, ::-1] if view.flip else canvas


def _interval(first: int, length: int, out: int, photo: int, decoded: int) -> tuple[int, int, int, int]:
    """Along one side: the decoded pixels [a, b) that fill the output pixels [c, d), which have their centre inside."""
    centres = first + (np.arange(out) + 0.5) * length / out
    inside = np.flatnonzero((centres >= 0) & (centres < photo))
    if not len(inside):
        return 0, 0, 0, 0
    low, high = int(inside[0]), int(inside[-1]) + 1
    ends = np.clip(first + np.array([low, high]) * length / out, 0, photo) * decoded / photo
    # Whole decoded pixels: little more than half an output pixel is lost, for a decoded one is hardly larger than that.
    begin = min(round(float(ends[0])), decoded - 1)
    return begin, max(begin + 1, round(float(ends[1]))), low, high


def paint_owners(
    annotations: Annotations, photo_index: int, view: View, photo_size: tuple[int, int], layer_of_class: Sequence[int]
) -> OwnerArray:
    """Whose pixel it is, per label map; smaller garments lie on larger ones.

    Args:
        annotations: the table whose garments are painted, on its own grid.
        photo_index: the photo's index in that table.
        view: what to show, in the photo's pixels.
        photo_size: height and width of the photo, pixels.
        layer_of_class: label map of each class.

    Returns:
        int16 (L, h, w): position in `annotations.garments(photo_index)`, `NOBODY` or `OUTSIDE`.
    """
    grid_height, grid_width = annotations.size(photo_index)
    rows, cols = view.rows(photo_size[0], grid_height), view.cols(photo_size[1], grid_width)
    owners = np.full((num_layers(layer_of_class), len(rows), len(cols)), NOBODY, dtype=np.int16)
    owners[:, rows < 0, :] = OUTSIDE
    owners[:, :, cols < 0] = OUTSIDE
    garments = annotations.garments(photo_index)
    sampler = Sampler(grid_height, grid_width, rows, cols)
    areas = annotations.garment_area[garments.start : garments.stop]
    # Stable, so that of two equally large garments the later row lies on top, whatever numpy's version.
    for position in np.argsort(-areas, kind="stable").tolist():
        garment = garments[position]
        layer = layer_of_class[int(annotations.garment_class[garment])]
        sampler.paint(owners[layer], annotations.runs(garment), position)
    return owners


def maps_of_owners(
    owners: OwnerArray, garment_class: npt.NDArray[np.integer], num_classes: int
) -> tuple[ByteArray, OwnerArray, npt.NDArray[np.int64]]:
    """Label and region maps; garments that no pixel shows are dropped.

    Args:
        owners: int16 (L, h, w), as `paint_owners` makes them.
        garment_class: class index of each garment (n,).
        num_classes: number of classes; background is that number.

    Returns:
        labels uint8 (L, h, w), `IGNORE` outside the photo; regions int16 (L, h, w), index into the third, −1 for none;
        positions of the visible garments, int64 (g,), rising.
    """
    count = len(garment_class)
    # Shifted by 2, owners index small tables: outside, nobody, then the garments.
    shifted = owners + 2
    visible = occurring(shifted, count + 2)[2:]
    region = np.full(count + 2, -1, dtype=np.int16)
    region[2:][visible] = np.arange(visible.sum())
    label = np.concatenate([[IGNORE, num_classes], garment_class]).astype(np.uint8)
    return look_up(label, shifted), look_up(region, shifted), np.flatnonzero(visible)


def paint_maps(
    annotations: Annotations, photo_index: int, view: View, photo_size: tuple[int, int], layer_of_class: Sequence[int]
) -> tuple[ByteArray, OwnerArray, list[int]]:
    """A photo's maps through a view, without random changes.

    Args:
        annotations: the table whose garments are painted.
        photo_index: the photo's index in that table.
        view: what to show, in the photo's pixels.
        photo_size: height and width of the photo, pixels.
        layer_of_class: label map of each class.

    Returns:
        labels uint8 (L, h, w): class index, number of classes for background, 255 outside the photo; regions int16
        (L, h, w): index into the garments, −1 for none; the garments with a visible pixel, as the table numbers them.
    """
    owners = paint_owners(annotations, photo_index, view, photo_size, layer_of_class)
    garments = annotations.garments(photo_index)
    classes = annotations.garment_class[garments.start : garments.stop]
    labels, regions, positions = maps_of_owners(owners, classes, len(annotations.classes))
    return labels, regions, [garments[position] for position in positions.tolist()]


def num_layers(layer_of_class: Sequence[int]) -> int:
    """Number of label maps."""
    return max(layer_of_class, default=0) + 1
