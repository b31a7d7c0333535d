"""A photo as it was sent: its bytes within the limit, its kind by its content, its size by its header.

Nothing is written to disk, and the name is only ever a label.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

from starlette.requests import ClientDisconnect, Request

from imatfashion.apps.serve.limits import LONGEST_NAME, MEGA, Limits
from imatfashion.apps.serve.refusal import Refused
from imatfashion.data.photos import EncodedPhoto, PhotoError, encoded_header
from imatfashion.data.plain_text import visible

KINDS = "JPEG, PNG or WebP"
"""The photos that are taken: what every browser shows."""

_MOST_HEARD = 500 * MEGA
"""Bytes of a refused body that are waited for."""


async def read_body(request: Request, most: int, what: str) -> bytes:
    """The request's body.

    Args:
        request: the request.
        most: bytes that it may have.
        what: what it is, for the sentence: "the photo", for instance.

    Raises:
        Refused: too long (413), or cut off (400).
    """
    declared = request.headers.get("content-length", "")
    too_long = declared.isdecimal() and int(declared) > most
    body, seen = bytearray(), 0
    try:
        async for chunk in request.stream():
            seen += len(chunk)
            too_long = too_long or seen > most
            if seen > _MOST_HEARD:
                break
            # What is too long is heard out all the same, and forgotten: a browser that is answered while it sends takes
            # the closed connection for a failure and never shows the answer.
            body = bytearray() if too_long else body
            body += b"" if too_long else chunk
    except ClientDisconnect as error:
        raise Refused(400, f"{what} did not arrive whole; send it again") from error
    if too_long:
        raise Refused(413, f"{what} is larger than {most / MEGA:g} MB; send a smaller one")
    return bytes(body)


async def hear_out(request: Request) -> None:
    """Read the body of a request that will be refused anyway, and forget it."""
    with contextlib.suppress(Refused):
        await read_body(request, 0, "the body")


def plain_name(given: str) -> str:
    """A photo's name as rows and the page have it: no folders, no line ends, one that every file can hold."""
    name = given.replace("\\", "/").rpartition("/")[2]
    name = " ".join(visible(name.encode(errors="replace").decode()).split())
    return name[-LONGEST_NAME:] or "photo"


def checked(name: str, data: bytes, limits: Limits) -> EncodedPhoto:
    """The photo's bytes, which are a photo of an allowed kind and size as far as its header tells.

    Raises:
        Refused: no such photo (415), too many pixels (413), or damaged (422).
    """
    if not kind_of(data):
        raise Refused(415, f"{name} cannot be used: {_what(data)}; send {KINDS}")
    photo = EncodedPhoto(Path(name), data)
    try:
        height, width, _ = encoded_header(photo)
    except PhotoError as error:
        raise damaged(name, error) from error
    if height * width > limits.pixels:
        most = f"{limits.pixels / MEGA:g} megapixels"
        raise Refused(413, f"{name} has {width} × {height} pixels, more than {most}; send a smaller one")
    return photo


def damaged(name: str, error: PhotoError) -> Refused:
    """The refusal of a photo that cannot be decoded."""
    return Refused(422, f"{name} cannot be read: {error.reason}; save it again as {KINDS}")


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
