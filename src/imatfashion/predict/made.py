"""A table that is there already: the one that is wanted, or another one."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from imatfashion.data.annotations import Annotations
from imatfashion.data.photos import PhotoError, read_photo
from imatfashion.errors import FashionError
from imatfashion.predict.differences import Fingerprint, what_differs
from imatfashion.predict.images import Photo
from imatfashion.predict.plan import in_the_way
from imatfashion.predict.table import MADE_BY, UNREADABLE


def problems_of_made(out: Path, fingerprint: Fingerprint, photos: Iterable[Photo]) -> list[tuple[str, str]]:
    """The problems of a finished table, which must be what the wanted prediction would write.

    Args:
        out: the folder that is in the output's place.
        fingerprint: the wanted prediction's.
        photos: its photos.

    Returns:
        Names of the photos that could not be read and cannot be read now, each with the reason.

    Raises:
        FashionError: it is no table or that of another prediction, or a photo that it could not read can be read now.
    """
    unreadable = _unreadable_of(out, fingerprint)
    problems: list[tuple[str, str]] = []
    for photo in (photo for photo in photos if photo.name in unreadable):
        try:
            read_photo(photo.path)
        except PhotoError as error:
            problems.append((photo.name, error.reason))
        else:  # its file has the same size, so that the fingerprint does not tell
            raise FashionError(
                f"the output {out} was made when {photo.name} could not be read, and it can be read now; remove it to "
                "predict all photos anew, or change output="
            )
    return problems


def _unreadable_of(out: Path, fingerprint: Fingerprint) -> set[str]:
    """Names of the photos that the prediction of this fingerprint could not read when it wrote the table."""
    try:
        meta = Annotations(out).meta
    except FashionError:
        raise in_the_way(out) from None
    made_by, unreadable = meta.get(MADE_BY), meta.get(UNREADABLE, [])
    if not (isinstance(made_by, dict) and isinstance(unreadable, list)):
        raise in_the_way(out)
    if difference := what_differs(made_by, fingerprint):
        raise in_the_way(out, difference)
    return {str(name) for name in unreadable}
