"""A photo as it was sent: its bytes within the limit, its kind by its content, its pixels.

Nothing is written to disk, and the name is only ever a label.
"""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import numpy.typing as npt
from starlette.requests import ClientDisconnect, Request

from imatfashion.apps.serve.limits import LONGEST_NAME, MEGA, Limits
from imatfashion.apps.serve.refusal import Refused
from imatfashion.data.decode import other_header
from imatfashion.data.jpeg import read_jpeg_header
from imatfashion.data.photos import EncodedPhoto, PhotoError, decode_photo
from imatfashion.data.plain_text import visible

KINDS = "JPEG, PNG or WebP"
"""The photos that are taken: what every browser shows."""


async def read_body(request: Request, most: int, what: str) -> bytes:
    """The request's body.

    Args:
        request: the request.
        most: bytes that it may have; a longer one is not read to its end.
        what: what it is, for the sentence: "the photo", for instance.

    Raises:
        Refused: too long (413), or cut off (400).
    """
    too_long = Refused(413, f"{what} is larger than {most / MEGA:g} MB; send a smaller one")
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > most:
        raise too_long
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > most:
                raise too_long
    except ClientDisconnect as error:
        raise Refused(400, f"{what} did not arrive whole; send it again") from error
    return bytes(body)


def plain_name(given: str) -> str:
    """A photo's name as rows and the page have it: no folders, no line ends, one that every file can hold."""
    name = given.replace("\\", "/").rpartition("/")[2]
    name = " ".join(visible(name.encode(errors="replace").decode()).split())
    return name[-LONGEST_NAME:] or "photo"


def decode(name: str, data: bytes, limits: Limits) -> npt.NDArray[np.uint8]:
    """The photo's pixels, upright, RGB uint8 (H, W, 3).

    Raises:
        Refused: no such photo (415), too many pixels (413), or damaged (422).
    """
    height, width = _size(name, data)
    if height * width > limits.pixels:
        raise Refused(
            413,
            f"{name} has {width} × {height} pixels, more than {limits.pixels / MEGA:g} megapixels; send a smaller one",
        )
    try:
        return decode_photo(EncodedPhoto(Path(name), data))
    except PhotoError as error:
        raise Refused(422, f"{name} cannot be read: {error.reason}; save it again as {KINDS}") from error


def _size(name: str, data: bytes) -> tuple[int, int]:
    """Height and width from the header alone."""
    kind = kind_of(data)
    if not kind:
        raise Refused(415, f"{name} cannot be used: {_what(data)}; send {KINDS}")
    try:
        header = read_jpeg_header(io.BytesIO(data)) if kind == "jpeg" else other_header(io.BytesIO(data))
    except ValueError as error:
        raise Refused(422, f"{name} cannot be read: {error}; save it again as {KINDS}") from error
    return header.height, header.width


def kind_of(data: bytes) -> str:
    """`jpeg`, `png` or `webp` by the first bytes, whatever the name says; "" for anything else."""
    if data.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    return "webp" if data[:4] == b"RIFF" and data[8:12] == b"WEBP" else ""


def _what(data: bytes) -> str:
    if not data:
        return "it is empty"
    if data[4:8] == b"ftyp" and data[8:11] in (b"hei", b"hev", b"mif"):
        return "it is a HEIC photo"
    return f"it is not a {KINDS} photo"
