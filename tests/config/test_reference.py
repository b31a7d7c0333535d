"""docs/CONFIG.md is what the schema says, and the schema says something about every key."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, fields
from pathlib import Path

import pytest

from imatfashion.config.reference import SCRIPTS, field_docs, groups, render

GROUPS = {prefix or script: schema for script, root in SCRIPTS.items() for prefix, schema in groups(root)}
RENEW = "python -m imatfashion.config.reference > docs/CONFIG.md"


@dataclass
class Inner:
    """Inner keys."""

    side: int | None = None
    """A | b, over
    two lines."""


@dataclass
class Outer:
    """Outer keys."""

    inner: Inner = field(default_factory=Inner)
    several: list[Inner] = field(default_factory=lambda: [Inner(), Inner(2)])
    """Several."""
    silent: str = "???"
    flag: bool = True
    """A flag."""
    count: int = 1
    """One."""


def test_committed_reference_is_current(repository: Path) -> None:
    committed = (repository / "docs" / "CONFIG.md").read_text(encoding="utf-8")
    assert committed == render(), f"docs/CONFIG.md is not what the schema says; renew it: {RENEW}"


@pytest.mark.parametrize("name", GROUPS)
def test_every_field_says_what_it_means(name: str) -> None:
    schema = GROUPS[name]
    nested = {key.removesuffix(".") for key in GROUPS}
    prefix = name if name.endswith(".") else ""
    wanted = [field.name for field in fields(schema) if f"{prefix}{field.name}" not in nested]
    docs = field_docs(schema)
    assert [key for key in wanted if not docs.get(key, "").endswith((".", "…"))] == []
    assert re.match(r"[A-Z].+\.", schema.__doc__ or "")


def test_rendering_of_each_kind_of_field() -> None:
    text = render({"script.py": Outer})
    assert text.count("## script.py\n\nOuter keys.") == 1
    assert "| `several` | list[Inner] | 2 of them | Several. |" in text
    assert "| `silent` | str | must be given |  |" in text
    assert "| `flag` | bool | `true` | A flag. |" in text
    assert "| `count` | int | `1` | One. |" in text
    for key in ("inner.side", "several[i].side"):
        assert rf"| `{key}` | int \| None | `null` | A \| b, over two lines. |" in text
    assert "| `inner` |" not in text


def test_each_key_of_the_schema_is_listed_once() -> None:
    keys = re.findall(r"^\| `([^`]+)` \|", render(), flags=re.MULTILINE)
    train, predict = keys[: keys.index("classes_ckpt")], keys[keys.index("classes_ckpt") :]
    assert len(train) == len(set(train))
    assert len(predict) == len(set(predict))
    assert {"data.root", "schedule.phases[i].epochs", "logger.panels", "resume"} <= set(train)
