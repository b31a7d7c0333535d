"""Sentences for the faults that Hydra and OmegaConf raise."""

from __future__ import annotations

import difflib
import re
from typing import Any

from omegaconf import DictConfig, OmegaConf

_WRONG_TYPE = (
    r"could not be converted|is not a subclass|Invalid value|not supported|is not Optional"
    r"|Cannot (?:assign|convert)|unsupported"
)


def explain(error: BaseException, schema: type[Any] | None = None) -> str:
    """A sentence for a fault of the config or the command line."""
    text = _messages(error)
    key = _first(r"full_key: (\S+)", text) or _first(r"Could not override '([^']+)'", text)
    if re.search(r"not in struct|Key '[^']+' not in|Could not override", text):
        return f"the config has no key '{key}'{_suggestion(key, schema)}; `--cfg job` lists all keys with their values"
    if "issing mandatory value" in text:
        missing = key or _first(r"Missing mandatory value: (\S+)", text)
        return f"'{missing}' must be given, as {missing}=VALUE"
    if group := _first(r"Could not find '([^']+)'", text) or _first(r"In '[^']+': Could not (?:find|load) (\S+)", text):
        options = re.findall(r"^\t(\S+)$", text, flags=re.MULTILINE)
        return f"there is no config '{group}'" + (f"; the choices are {', '.join(options)}" if options else "")
    if re.search(_WRONG_TYPE, text):
        reason = next(line for line in text.splitlines() if re.search(_WRONG_TYPE, line))
        return f"'{key}' has a value of the wrong type: {reason}"
    if "LexerNoViableAltException" in text or "mismatched input" in text or "no viable alternative" in text:
        override = getattr(error, "override", None) or text.splitlines()[0]
        return (
            f"the override {override} cannot be read; put a value with = ( ) or spaces in two pairs of quotes: "
            "'key=\"value\"'"
        )
    return " ".join(line.strip() for line in text.splitlines() if line.strip())


def _messages(error: BaseException | None) -> str:
    chain: list[BaseException] = []
    # Under a debugger OmegaConf's errors are their own cause.
    while error is not None and error not in chain:
        chain.append(error)
        error = error.__cause__
    return "\n".join(map(str, chain))


def _first(pattern: str, text: str) -> str | None:
    found = re.search(pattern, text)
    return found.group(1) if found else None


def _suggestion(key: str | None, schema: type[Any] | None) -> str:
    if key is None or schema is None:
        return ""
    known = _keys(OmegaConf.structured(schema))
    near = difflib.get_close_matches(key, known, n=1, cutoff=0.7)
    return f"; did you mean '{near[0]}'?" if near else ""


def _keys(node: DictConfig, prefix: str = "") -> list[str]:
    keys = []
    for name in map(str, node):
        full = f"{prefix}{name}"
        keys.append(full)
        if not OmegaConf.is_missing(node, name) and isinstance(node[name], DictConfig):
            keys += _keys(node[name], f"{full}.")
    return keys
