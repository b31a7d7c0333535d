"""A JPEG's header: size, EXIF orientation and where the picture's data begins, without decoding anything.

Formats: ITU-T T.81 (markers), Exif 2.3 (an APP1 segment that holds a TIFF directory).
"""

from __future__ import annotations

import struct
from typing import BinaryIO, NamedTuple

_START_OF_FRAME = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_WITHOUT_LENGTH = frozenset(range(0xD0, 0xD9)) | {0x01}
_END, _START_OF_SCAN, _APP1 = 0xD9, 0xDA, 0xE1
_ORIENTATION = 0x0112


class JpegHeader(NamedTuple):
    """Height and width as stored (pixels), EXIF orientation 1 … 8, and the offset of the first scan (bytes)."""

    height: int
    width: int
    orientation: int
    scan: int


def read_jpeg_header(stream: BinaryIO) -> JpegHeader:
    """Read the segments before the first scan.

    Args:
        stream: the file, at its beginning.

    Returns:
        The header.

    Raises:
        ValueError: the stream is not a JPEG, or ends before its scan; the message is a reason.
    """
    if stream.read(2) != b"\xff\xd8":
        raise ValueError("it is not a JPEG")
    height = width = 0
    orientation = 1
    while (marker := _next_marker(stream)) != _END:
        if marker in _WITHOUT_LENGTH:
            continue
        body = _segment(stream)
        if marker == _START_OF_SCAN:
            if height and width:
                return JpegHeader(height, width, orientation, stream.tell())
            break
        if marker in _START_OF_FRAME and len(body) >= 5:
            height, width = struct.unpack_from(">HH", body, 1)
        if marker == _APP1 and body.startswith(b"Exif\0\0"):
            orientation = exif_orientation(body[6:])
    raise ValueError("it is a JPEG without a picture")


def exif_orientation(tiff: bytes) -> int:
    """The orientation in an EXIF block, 1 where it has none or is damaged (viewers show such a photo as stored)."""
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2])
    if order is None:
        return 1
    try:
        (first,) = struct.unpack_from(order + "I", tiff, 4)
        (count,) = struct.unpack_from(order + "H", tiff, first)
        for entry in range(first + 2, first + 2 + 12 * count, 12):
            tag, _, _, value = struct.unpack_from(order + "HHIH", tiff, entry)
            if tag == _ORIENTATION:
                return int(value) if 1 <= value <= 8 else 1
    except struct.error:
        pass
    return 1


def _next_marker(stream: BinaryIO) -> int:
    byte = stream.read(1)
    while byte and byte != b"\xff":
        byte = stream.read(1)
    while byte == b"\xff":
        byte = stream.read(1)
    if not byte:
        raise ValueError("it is truncated")
    return byte[0]


def _segment(stream: BinaryIO) -> bytes:
    head = stream.read(2)
    length = int.from_bytes(head, "big") - 2
    body = stream.read(max(length, 0))
    if len(head) < 2 or length < 0 or len(body) < length:
        raise ValueError("it is truncated")
    return body
