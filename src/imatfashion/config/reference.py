"""The config reference, `docs/CONFIG.md`, from the schema's own field docstrings.

`python -m imatfashion.config.reference > docs/CONFIG.md` renews it.
"""

from __future__ import annotations

import ast
import inspect
import sys
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from typing import Any

from imatfashion.config.schema import Config, PredictConfig

SCRIPTS: Mapping[str, type[Any]] = {"train.py": Config, "predict.py": PredictConfig}
"""The schema of each script."""

_HEAD = """\
# Config reference

Generated from `src/imatfashion/config/schema/`; renew it with
`python -m imatfashion.config.reference > docs/CONFIG.md`.

Every key can be given on the command line as `key=value`. The defaults below are the schema's; an option of a group
(`conf/GROUP/OPTION.yaml`, chosen with `GROUP=OPTION`) may set others. `python train.py --cfg job data.root=DATA` shows
what a command line comes to. A key that is not listed here is an error.
"""


def render(scripts: Mapping[str, type[Any]] = SCRIPTS) -> str:
    """The reference as Markdown.

    Args:
        scripts: from the name of a script to the dataclass of its config; a field's meaning is the string below it.

    Returns:
        A section a script, a table a dataclass.
    """
    parts = [_HEAD]
    for script, schema in scripts.items():
        parts.append(f"## {script}\n\n{_about(schema)}\n")
        for prefix, group in groups(schema):
            heading = f"### {prefix.rstrip('.')}\n\n{_about(group)}\n\n" if prefix else ""
            parts.append(heading + _table(prefix, group))
    return "\n".join(parts)


def groups(schema: type[Any], prefix: str = "") -> Iterator[tuple[str, type[Any]]]:
    """The dataclass itself and those of its fields, each with the beginning of its keys (`""`, `data.`, …)."""
    yield prefix, schema
    for field in fields(schema):
        default = _default(field)
        if is_dataclass(default):
            yield from groups(type(default), f"{prefix}{field.name}.")
        elif isinstance(default, list) and default and is_dataclass(default[0]):
            yield from groups(type(default[0]), f"{prefix}{field.name}[i].")


def field_docs(schema: type[Any]) -> dict[str, str]:
    """What the string literal below each field of a dataclass says, on one line; fields without one are left out."""
    (node,) = ast.parse(textwrap.dedent(inspect.getsource(schema))).body
    assert isinstance(node, ast.ClassDef)
    docs = {}
    for statement, below in zip(node.body, node.body[1:], strict=False):
        if not (isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name)):
            continue
        if isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant) and isinstance(below.value.value, str):
            docs[statement.target.id] = " ".join(below.value.value.split())
    return docs


def _table(prefix: str, schema: type[Any]) -> str:
    docs = field_docs(schema)
    rows = ["| key | type | default | meaning |", "|---|---|---|---|"]
    for field in fields(schema):
        default = _default(field)
        if is_dataclass(default):
            continue  # a table of its own
        kind = str(field.type).replace("|", "\\|")
        meaning = docs.get(field.name, "").replace("|", "\\|")
        rows.append(f"| `{prefix}{field.name}` | {kind} | {_shown(default)} | {meaning} |")
    return "\n".join(rows) + "\n"


def _about(schema: type[Any]) -> str:
    return " ".join((inspect.getdoc(schema) or "").split())


def _default(field: Field[Any]) -> Any:
    return field.default if field.default_factory is MISSING else field.default_factory()


def _shown(default: Any) -> str:
    if default == "???":
        return "must be given"
    if isinstance(default, list):
        return f"{len(default)} of them"
    if default is None or isinstance(default, bool):
        return f"`{'null' if default is None else str(default).lower()}`"
    return f"`{default}`"


if __name__ == "__main__":
    sys.stdout.write(render())
