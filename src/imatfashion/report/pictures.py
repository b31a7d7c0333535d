"""The run's pictures, packed into the page."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from pathlib import Path

from imatfashion.report.run_files import RunFiles
from imatfashion.report.words import figure

_KINDS = {b"\xff\xd8\xff": "image/jpeg", b"\x89PNG\r\n\x1a\n": "image/png"}
_LARGEST = 4_000_000


@dataclass(frozen=True)
class Example:
    """A validation photo with what was made of it.

    Attributes:
        photo: its file name.
        score: its own mean IoU, or F1 of its attributes.
        uri: the picture as a data URI.
        details: lines of text, such as the attributes.
    """

    photo: str
    score: str
    uri: str
    details: list[str]


def examples(run: RunFiles, kind: str) -> list[Example]:
    """The examples of a kind, `best` or `worst`, whose picture is there."""
    found = []
    for row in run.rows("examples"):
        uri = data_uri(run.path, str(row.get("picture", ""))) if row.get("kind") == kind else None
        if uri:
            lines = [f"{name}: {_joined(row[name])}" for name in ("classes", "truth", "predicted") if row.get(name)]
            found.append(Example(str(row.get("photo", "?")), figure(row.get("score")), uri, lines))
    return found


def panels(run: RunFiles) -> list[tuple[str, str]]:
    """The first and the last panel: title and data URI."""
    files = sorted((run.path / "panels").glob("epoch_*.jpg"))
    found = []
    for file in dict.fromkeys([*files[:1], *files[-1:]]):
        epoch = file.stem.removeprefix("epoch_")
        uri = data_uri(run.path, f"panels/{file.name}")
        if uri and epoch.isdecimal():
            found.append((f"After epoch {int(epoch) + 1}", uri))
    return found


def data_uri(run_dir: Path, name: str) -> str | None:
    """A picture of the run directory as a data URI; None where it is missing, lies elsewhere or is no JPEG or PNG."""
    path = (run_dir / name).resolve()
    if not path.is_relative_to(run_dir.resolve()) or not path.is_file() or path.stat().st_size > _LARGEST:
        return None
    data = path.read_bytes()
    for magic, kind in _KINDS.items():
        if data.startswith(magic):
            return f"data:{kind};base64,{base64.b64encode(data).decode('ascii')}"
    return None


def _joined(value: object) -> str:
    """Names with commas between them, the garments' lists of names with semicolons."""
    if not isinstance(value, list):
        return str(value)
    mark = "; " if any(isinstance(item, list) for item in value) else ", "
    return mark.join(_joined(item) for item in value) or "none"
