"""Bytes to RGB pixels: JPEG by OpenCV, which decodes at a reduced scale, everything else by Pillow."""

from __future__ import annotations

import struct
from typing import BinaryIO

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from imatfashion.data.jpeg import JpegHeader, exif_orientation

ByteArray = npt.NDArray[np.uint8]

LARGEST_PHOTO = 178_956_970
"""Most pixels of a photo: Pillow's own limit against decompression bombs."""

_REDUCED = {
    1: cv2.IMREAD_COLOR,
    2: cv2.IMREAD_REDUCED_COLOR_2,
    4: cv2.IMREAD_REDUCED_COLOR_4,
    8: cv2.IMREAD_REDUCED_COLOR_8,
}
# What Pillow's plugins raise on damaged files.
_DAMAGE = (OSError, SyntaxError, ValueError, TypeError, IndexError, EOFError, struct.error, MemoryError)
_BOMB = (Image.DecompressionBombError, Image.DecompressionBombWarning)


def decode_jpeg(data: bytes, factor: int) -> ByteArray:
    """Decode a JPEG as stored, its orientation not applied.

    Args:
        data: the file.
        factor: 1, 2, 4 or 8: how many times smaller, rounded up.

    Returns:
        RGB, uint8 (h, w, 3).

    Raises:
        ValueError: it is damaged.
    """
    try:
        image_BGR = cv2.imdecode(np.frombuffer(data, dtype=np.uint8), _REDUCED[factor] | cv2.IMREAD_IGNORE_ORIENTATION)
    except cv2.error as error:
        raise ValueError(f"it is damaged ({error.err})") from error
    if image_BGR is None:
        raise ValueError("it is damaged")
    return np.asarray(cv2.cvtColor(image_BGR, cv2.COLOR_BGR2RGB), dtype=np.uint8)


def other_header(stream: BinaryIO) -> JpegHeader:
    """Size and orientation of a photo of another format; its scan is 0.

    Raises:
        ValueError: empty, not an image, damaged, or more than `LARGEST_PHOTO` pixels.
    """
    try:
        with Image.open(stream) as image:
            # Pillow turns a TIFF itself; its own EXIF reader warns of damage, which is no fault of the picture.
            exif: bytes = image.info.get("exif", b"")
            width, height = image.size
    except _BOMB as error:
        raise ValueError(f"it has more than {LARGEST_PHOTO} pixels") from error
    except UnidentifiedImageError as error:
        raise ValueError(_what_it_is(stream)) from error
    except _DAMAGE as error:
        raise ValueError(f"it is damaged ({error})") from error
    return JpegHeader(height, width, exif_orientation(exif.removeprefix(b"Exif\0\0")), 0)


def _what_it_is(stream: BinaryIO) -> str:
    stream.seek(0)
    start = stream.read(12)
    if start[4:8] == b"ftyp" and start[8:11] in (b"hei", b"hev", b"mif"):
        return "it is a HEIC photo: convert it to JPEG"
    return "it is not an image" if start else "it is empty"


def decode_other(stream: BinaryIO) -> ByteArray:
    """Decode another format as stored.

    Returns:
        RGB, uint8 (h, w, 3): the high byte of 16 bits, transparency over white.

    Raises:
        ValueError: it is damaged.
    """
    stream.seek(0)
    try:
        with Image.open(stream) as image:
            return _to_rgb(image)
    except (*_DAMAGE, *_BOMB) as error:
        raise ValueError(f"it is damaged ({error})") from error


def _to_rgb(image: Image.Image) -> ByteArray:
    if image.mode.startswith("I"):
        # Pillow clips 16-bit grey at 255 when it converts; the high byte is meant.
        grey = np.clip(np.asarray(image, dtype=np.int64) >> 8, 0, 255).astype(np.uint8)
        return np.repeat(grey[:, :, None], 3, axis=2)
    if image.has_transparency_data:
        colour = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", colour.size, "white"), colour)
    return np.array(image.convert("RGB"), dtype=np.uint8)


def turn(image: ByteArray, orientation: int) -> ByteArray:
    """Apply an EXIF orientation: 2 … 8 mirror and turn, 1 leaves as is."""
    if orientation in (5, 6, 7, 8):
        image = image.transpose(1, 0, 2)
    if orientation in (2, 3, 6, 7):
        image = image[:, ::-1]
    if orientation in (3, 4, 7, 8):
        image = image[::-1]
    return np.ascontiguousarray(image)
