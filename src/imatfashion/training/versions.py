"""Which versions made something."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version


def version_of(package: str) -> str:
    """The installed version; `not installed` of a package that is only on the path, as a checkout may be."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
