"""The licence of everything that an installation brings along is one that lets anybody use this package."""

from __future__ import annotations

import re
from importlib.metadata import Distribution, PackageNotFoundError, distribution

from packaging.requirements import Requirement

EXTRAS = ("dev", "test", "sweep", "submitit", "export", "serve", "fuzz")
PERMISSIVE = {
    *("MIT", "MIT-CMU", "MIT License", "Apache-2.0", "Apache 2.0", "Apache Software License", "LLVM-exception"),
    *("Apache License, Version 2.0", "BSD", "BSD License", "BSD-2-Clause", "BSD-3-Clause", "3-Clause BSD License"),
    *("FreeBSD", "0BSD", "ISC", "ISC License", "PSF-2.0", "Python Software Foundation License", "BSL-1.0", "Zlib"),
    *("CC0-1.0", "Unlicense"),
}
EXCEPTIONS = {
    "certifi": "MPL-2.0: certificates, used unchanged; the licence asks for its own files alone",
    "tqdm": "MPL-2.0 and MIT: used unchanged, as certifi",
    "hypothesis": "MPL-2.0: runs tests, no part of what users get",
    "pathspec": "MPL-2.0: mypy's, for development alone",
    "atheris": "its metadata names none; its files say Apache-2.0; for development alone",
    "cuda-toolkit": "an empty package that names NVIDIA's",
}
"""Packages whose licence is not in the list, and why they may be used all the same."""
NVIDIA = "nvidia-"
"""CUDA's libraries, proprietary and free to use: torch's own wheel brings them, and we pass none of them on."""


def installed(name: str, extras: tuple[str, ...], found: dict[str, Distribution]) -> dict[str, Distribution]:
    """The packages that one brings along, by name, those that this platform and Python leave out left out."""
    try:
        package = distribution(name)
    except PackageNotFoundError:
        return found
    found[name.lower().replace("_", "-")] = package
    for text in package.requires or ():
        needed = Requirement(text)
        wanted = any(needed.marker is None or needed.marker.evaluate({"extra": extra}) for extra in (*extras, ""))
        if wanted and needed.name.lower().replace("_", "-") not in found:
            installed(needed.name, tuple(needed.extras), found)
    return found


def licences(package: Distribution) -> set[str]:
    """What the metadata says: an SPDX expression, else the classifiers, else the first line of the licence."""
    fields = package.metadata
    expression = fields.get("License-Expression")
    if expression is None and len(fields.get("License") or "") < 60:
        known = [c.split("::")[-1].strip() for c in fields.get_all("Classifier") or () if c.startswith("License")]
        expression = " AND ".join(re.sub(r" \(.*\)$", "", name) for name in known) or fields.get("License")
    elif expression is None:
        known = [c.split("::")[-1].strip() for c in fields.get_all("Classifier") or () if c.startswith("License")]
        expression = " AND ".join(known) or fields["License"].strip().splitlines()[0]
    return {part.strip("() ") for part in re.split(r"\b(?:AND|OR|WITH)\b", expression or "none named")}


def test_licences_are_permissive() -> None:
    packages = installed("imatfashion", EXTRAS, {})
    assert {"torch", "hydra-core", "numpy", "pytest"} <= packages.keys()
    strange = {
        name: licences(package) - PERMISSIVE
        for name, package in packages.items()
        if name not in EXCEPTIONS and not name.startswith(NVIDIA) and licences(package) - PERMISSIVE
    }
    assert strange == {}


def test_copyleft_would_be_noticed() -> None:
    assert not {"GPL-3.0-only", "AGPL-3.0", "LGPL-2.1", "MPL-2.0", "none named"} & PERMISSIVE
    mozilla = {name for name in ("certifi", "hypothesis") if licences(distribution(name)) <= PERMISSIVE}
    assert not mozilla
