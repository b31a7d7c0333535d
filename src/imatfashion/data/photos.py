"""Reading photos: any common format to RGB, the right way up, JPEGs at a reduced scale when that suffices."""

from __future__ import annotations

import io
import struct
from pathlib import Path
from typing import BinaryIO

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from imatfashion.data.jpeg import JpegHeader, read_jpeg_header
from imatfashion.errors import FashionError

ByteArray = npt.NDArray[np.uint8]

LARGEST_PHOTO = 178_956_970
"""Most pixels of a photo: Pillow's own limit against decompression bombs."""

_JPEG, _PNG = b"\xff\xd8", b"\x89PNG"
_TAIL = 65_536
# What Pillow's plugins raise on damaged files.
_DAMAGE = (OSError, SyntaxError, ValueError, TypeError, IndexError, EOFError, struct.error, MemoryError)
_BOMB = (Image.DecompressionBombError, Image.DecompressionBombWarning)


class PhotoError(FashionError):
    """A photo that cannot be read: `path`, and `reason` as a clause such as "it is truncated"."""

    def __init__(self, path: Path, reason: str) -> None:
        # Both are kept as the arguments, so that the error survives pickling on its way out of a loader process.
        super().__init__(path, reason)
        self.path = path
        self.reason = reason

    def __str__(self) -> str:
        return f"The photo {self.path} cannot be read: {self.reason}."


def read_header(path: Path) -> tuple[int, int, int]:
    """Size and orientation of a photo, from its header alone.

    Returns:
        Height and width as stored in the file (pixels, before the orientation is applied), EXIF orientation 1 … 8.

    Raises:
        PhotoError: missing, not an image, damaged before its data, or larger than `LARGEST_PHOTO`.
    """
    try:
        with path.open("rb") as file:
            return _header(path, file)[:3]
    except OSError as error:
        raise PhotoError(path, _os_reason(error)) from error


def check_photo(path: Path, height: int, width: int) -> str | None:
    """Why a photo cannot serve as one of height × width pixels; None if it can.

    Reads the header and the end of the file, not the picture.
    """
    try:
        with path.open("rb") as file:
            header = _header(path, file)
            _upright(path, header, (height, width))
            return None if _complete(file, header.scan) else "it is truncated"
    except PhotoError as error:
        return error.reason
    except OSError as error:
        return _os_reason(error)


def read_photo(
    path: Path, *, at_least: tuple[int, int] | None = None, size: tuple[int, int] | None = None
) -> ByteArray:
    """Decode a photo.

    Args:
        path: JPEG, PNG, WebP or another format that Pillow reads; CMYK, palette, grey, 16 bits, alpha (over white).
        at_least: height and width, pixels, of the upright photo that suffice: a JPEG is decoded 2, 4 or 8 times
            smaller as long as it stays at least so large. None decodes it at its own size.
        size: height and width of the photo in the table: the orientation that has this size is chosen, the one that
            viewers show if both have. None shows the photo as viewers do.

    Returns:
        RGB, uint8 (h, w, 3).

    Raises:
        PhotoError: missing, truncated, not an image, too large, or of another size than the table says.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise PhotoError(path, _os_reason(error)) from error
    stream = io.BytesIO(data)
    header = _header(path, stream)
    orientation = _upright(path, header, size)
    if not data.startswith(_JPEG):
        return _orient(_decode_other(path, stream), orientation)
    if not _complete(stream, header.scan):
        raise PhotoError(path, "it is truncated")
    wanted = at_least[::-1] if at_least and orientation > 4 else at_least
    return _orient(_decode_jpeg(path, data, _factor(header, wanted)), orientation)


def _os_reason(error: OSError) -> str:
    return "it is missing" if isinstance(error, FileNotFoundError) else (error.strerror or str(error)).lower()


def _header(path: Path, stream: BinaryIO) -> JpegHeader:
    """Header of any format; formats other than JPEG have their scan at 0."""
    is_jpeg = stream.read(2) == _JPEG
    stream.seek(0)
    try:
        header = read_jpeg_header(stream) if is_jpeg else _other_header(stream)
    except _BOMB as error:
        raise PhotoError(path, f"it has more than {LARGEST_PHOTO} pixels") from error
    except Image.UnidentifiedImageError as error:
        raise PhotoError(path, "it is empty" if not stream.seek(0, 2) else "it is not an image") from error
    except _DAMAGE as error:
        raise PhotoError(path, str(error) if is_jpeg else f"it is damaged ({error})") from error
    if header.height * header.width > LARGEST_PHOTO:
        raise PhotoError(path, f"it has {header.height} × {header.width} pixels, more than {LARGEST_PHOTO}")
    return header


def _other_header(stream: BinaryIO) -> JpegHeader:
    with Image.open(stream) as image:
        orientation = image.getexif().get(0x0112, 1)
        width, height = image.size
    return JpegHeader(height, width, orientation if orientation in range(1, 9) else 1, 0)


def _complete(stream: BinaryIO, scan: int) -> bool:
    """Whether a JPEG or PNG has its end mark after `scan`; other formats are taken as they are."""
    stream.seek(0)
    start = stream.read(4)
    mark = b"\xff\xd9" if start.startswith(_JPEG) else b"IEND" if start == _PNG else b""
    end = stream.seek(0, 2)
    stream.seek(max(scan, end - _TAIL))
    if mark in stream.read():
        return True
    # Phones append a second picture or a film behind the first one's end.
    stream.seek(scan)
    return mark in stream.read()


def _upright(path: Path, header: JpegHeader, size: tuple[int, int] | None) -> int:
    """The orientation to apply: as viewers do if that has the table's size, else as stored."""
    stored = (header.height, header.width)
    shown = stored[::-1] if header.orientation > 4 else stored
    if size is None or shown == tuple(size):
        return header.orientation
    if stored == tuple(size):
        return 1
    raise PhotoError(path, f"it has {shown[0]} × {shown[1]} pixels where the table says {size[0]} × {size[1]}")


def _factor(header: JpegHeader, wanted: tuple[int, int] | None) -> int:
    if wanted is None:
        return 1
    factors = (8, 4, 2)
    fits = (k for k in factors if -(-header.height // k) >= wanted[0] and -(-header.width // k) >= wanted[1])
    return next(fits, 1)


def _decode_jpeg(path: Path, data: bytes, factor: int) -> ByteArray:
    mode = {1: cv2.IMREAD_COLOR, 2: cv2.IMREAD_REDUCED_COLOR_2, 4: cv2.IMREAD_REDUCED_COLOR_4}
    flags = mode.get(factor, cv2.IMREAD_REDUCED_COLOR_8) | cv2.IMREAD_IGNORE_ORIENTATION
    try:
        image_BGR = cv2.imdecode(np.frombuffer(data, dtype=np.uint8), flags)
    except cv2.error as error:
        raise PhotoError(path, f"it is damaged ({error.err})") from error
    if image_BGR is None:
        raise PhotoError(path, "it is damaged")
    return np.asarray(cv2.cvtColor(image_BGR, cv2.COLOR_BGR2RGB), dtype=np.uint8)


def _decode_other(path: Path, stream: BinaryIO) -> ByteArray:
    stream.seek(0)
    try:
        with Image.open(stream) as image:
            return _to_rgb(image)
    except (*_DAMAGE, *_BOMB) as error:
        raise PhotoError(path, f"it is damaged ({error})") from error


def _to_rgb(image: Image.Image) -> ByteArray:
    if image.mode.startswith("I"):
        # Pillow clips 16-bit grey at 255 when it converts; the high byte is meant.
        grey = np.clip(np.asarray(image, dtype=np.int64) >> 8, 0, 255).astype(np.uint8)
        return np.repeat(grey[:, :, None], 3, axis=2)
    if image.has_transparency_data:
        colour = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", colour.size, "white"), colour)
    return np.array(image.convert("RGB"), dtype=np.uint8)


def _orient(image: ByteArray, orientation: int) -> ByteArray:
    """Apply an EXIF orientation: 2 … 8 mirror and turn, 1 leaves as is."""
    if orientation in (5, 6, 7, 8):
        image = image.transpose(1, 0, 2)
    if orientation in (2, 3, 6, 7):
        image = image[:, ::-1]
    if orientation in (3, 4, 7, 8):
        image = image[::-1]
    return np.ascontiguousarray(image)
