"""What tells one prediction from another, in words."""

from __future__ import annotations

from typing import Any

Fingerprint = dict[str, Any]
"""JSON-able settings that a prediction depends on."""

VERSION = "version"
"""The fingerprint's key of its own form."""

PHOTO_SIZES = "photo_sizes"
"""The fingerprint's key of the photo files' sizes."""


def what_differs(found: Fingerprint, wanted: Fingerprint) -> str:
    """What a prediction that is there was made with and the wanted one is not; "" where they are the same.

    Args:
        found: the fingerprint of the one that is there.
        wanted: the fingerprint of the other one.
    """
    different = sorted(key for key in found.keys() | wanted.keys() if found.get(key) != wanted.get(key))
    if not different:
        return ""
    if VERSION in different:
        return "the settings of another version of imatfashion"
    if different == [PHOTO_SIZES]:
        return (
            "photos of the same names and other file sizes (those of another folder, or one was changed or repaired "
            "since)"
        )
    return f"other settings ({', '.join(different)})"
