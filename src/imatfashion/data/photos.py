"""Reading photos: any common format to RGB, the right way up, JPEGs at a reduced scale when that suffices."""

from __future__ import annotations

import io
import stat
from pathlib import Path
from typing import BinaryIO, NamedTuple

from imatfashion.data.decode import LARGEST_PHOTO, ByteArray, decode_jpeg, decode_other, other_header, turn
from imatfashion.data.jpeg import JpegHeader, read_jpeg_header
from imatfashion.errors import FashionError

_JPEG, _PNG = b"\xff\xd8", b"\x89PNG"
_TAIL = 65_536


class PhotoError(FashionError):
    """A photo that cannot be read: `path`, and `reason` as a clause such as "it is truncated"."""

    def __init__(self, path: Path, reason: str) -> None:
        # Both are kept as the arguments, so that the error survives pickling on its way out of a loader process.
        super().__init__(path, reason)
        self.path = path
        self.reason = reason

    def __str__(self) -> str:
        return f"the photo {self.path} cannot be read: {self.reason}"


class EncodedPhoto(NamedTuple):
    """A photo as it is stored: where it comes from (for messages) and its bytes."""

    path: Path
    data: bytes


def load_photo(path: Path) -> EncodedPhoto:
    """The bytes of a photo's file.

    Raises:
        PhotoError: there is no such file, or it cannot be read.
    """
    try:
        with _open(path) as file:
            return EncodedPhoto(path, file.read())
    except OSError as error:
        raise PhotoError(path, _os_reason(error)) from error


def read_header(path: Path) -> tuple[int, int, int]:
    """Size and orientation of a photo, from its header alone.

    Returns:
        Height and width as stored in the file (pixels, before the orientation is applied), EXIF orientation 1 … 8.

    Raises:
        PhotoError: missing, not an image, damaged before its data, or larger than `LARGEST_PHOTO`.
    """
    try:
        with _open(path) as file:
            return _header(path, file)[:3]
    except OSError as error:
        raise PhotoError(path, _os_reason(error)) from error


def encoded_header(photo: EncodedPhoto) -> tuple[int, int, int]:
    """Size and orientation of a photo that was loaded; result and errors are those of `read_header`."""
    return _header(photo.path, io.BytesIO(photo.data))[:3]


def check_photo(path: Path, height: int, width: int) -> str | None:
    """Why a photo cannot serve as one of height × width pixels; None if it can.

    Reads the header and the end of the file, not the picture.
    """
    try:
        with _open(path) as file:
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
    """Decode a photo's file; arguments, result and errors are those of `decode_photo`."""
    return decode_photo(load_photo(path), at_least=at_least, size=size)


def decode_photo(
    photo: EncodedPhoto, *, at_least: tuple[int, int] | None = None, size: tuple[int, int] | None = None
) -> ByteArray:
    """Decode a photo.

    Args:
        photo: JPEG, PNG, WebP or another format that Pillow reads; CMYK, palette, grey, 16 bits, alpha (over white).
        at_least: height and width, pixels, of the upright photo that suffice: a JPEG is decoded 2, 4 or 8 times
            smaller as long as it stays at least so large. None decodes it at its own size.
        size: height and width of the photo in the table: the orientation that has this size is chosen, the one that
            viewers show if both have. None shows the photo as viewers do.

    Returns:
        RGB, uint8 (h, w, 3).

    Raises:
        PhotoError: missing, truncated, not an image, too large, or of another size than the table says.
    """
    path, data = photo
    stream = io.BytesIO(data)
    header = _header(path, stream)
    orientation = _upright(path, header, size)
    if not _complete(stream, header.scan):
        raise PhotoError(path, "it is truncated")
    wanted = at_least[::-1] if at_least and orientation > 4 else at_least
    try:
        is_jpeg = data.startswith(_JPEG)
        image = decode_jpeg(data, _factor(header, wanted)) if is_jpeg else decode_other(stream)
    except ValueError as error:
        raise PhotoError(path, str(error)) from error
    return turn(image, orientation)


def _open(path: Path) -> BinaryIO:
    # A pipe would be waited for without end.
    if not stat.S_ISREG(path.stat().st_mode):
        raise PhotoError(path, "it is not a file")
    return path.open("rb")


def _os_reason(error: OSError) -> str:
    return "it is missing" if isinstance(error, FileNotFoundError) else (error.strerror or str(error)).lower()


def _header(path: Path, stream: BinaryIO) -> JpegHeader:
    """Header of any format; formats other than JPEG have their scan at 0."""
    is_jpeg = stream.read(2) == _JPEG
    stream.seek(0)
    try:
        header = read_jpeg_header(stream) if is_jpeg else other_header(stream)
    except ValueError as error:
        raise PhotoError(path, str(error)) from error
    if header.height * header.width > LARGEST_PHOTO:
        raise PhotoError(path, f"it has {header.height} × {header.width} pixels, more than {LARGEST_PHOTO}")
    return header


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
