"""The oldest versions that pyproject.toml allows are those that `make oldest` tests."""

from __future__ import annotations

import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

NOT_TESTED = {"dev", "fuzz"}
"""Extras that no test of the suite needs."""


def test_the_oldest_versions_are_the_lower_bounds(repository: Path) -> None:
    project = tomllib.loads((repository / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = {name: given for name, given in project["optional-dependencies"].items() if name not in NOT_TESTED}
    wanted = [Requirement(text) for given in (project["dependencies"], *extras.values()) for text in given]
    bounds = {
        canonicalize_name(one.name): Version(bound.version)
        for one in wanted
        for bound in one.specifier
        if bound.operator in {">=", "=="}
    }
    lines = (repository / "constraints-oldest.txt").read_text(encoding="utf-8").splitlines()
    pinned = dict(line.split("==") for line in lines if "==" in line)
    tested = {canonicalize_name(name): Version(version) for name, version in pinned.items()}
    for name, bound in bounds.items():
        # 4.9 may be released as 4.9.0.80 first.
        assert tested[name].release[: len(bound.release)] == bound.release, name
    assert not set(bounds) - set(tested)
