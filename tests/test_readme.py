"""What the documents say can be typed: commands run or compose, links lead somewhere, Python names exist.

`bash` blocks are run in order on a tiny drawn sample; of `sh` blocks, which train or predict, configs are composed
(`--cfg job`) and options are checked (`--help`); `console` blocks are not looked at.
"""

from __future__ import annotations

import ast
import importlib
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
SCRIPTS = ("train.py", "predict.py")


def blocks(path: Path, language: str) -> Iterator[str]:
    text = path.read_text(encoding="utf-8")
    yield from re.findall(rf"^```{language}\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)


def commands(path: Path, language: str) -> list[str]:
    lines = (line for block in blocks(path, language) for line in block.replace("\\\n", " ").splitlines())
    return [line for line in lines if shlex.split(line, comments=True)]


def slow_commands() -> list[tuple[str, str]]:
    return [(path.name, command) for path in DOCUMENTS for command in commands(path, "sh")]


def execute(words: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "120"}
    return subprocess.run(
        [sys.executable, *words], cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False
    )


def composing(words: list[str]) -> list[str]:
    """The command as one that only composes its config, or only checks its options."""
    script = next((word for word in words if word in SCRIPTS), None)
    if script is None:
        assert words[0] == "imatfashion"
        return ["-m", "imatfashion.cli", *words[1:], "--help"]
    overrides = words[words.index(script) + 1 :]
    if "-m" in overrides:  # Hydra shows the config of one job only
        overrides = [re.sub(r",.*", "", word) for word in overrides if word != "-m"]
    if any(word.startswith("resume=") for word in overrides):
        overrides.append("data.root=DATA")
    return [str(ROOT / script), *overrides, "--cfg", "job"]


@pytest.mark.parametrize(("document", "command"), slow_commands())
def test_config_composes(document: str, command: str, tmp_path: Path) -> None:
    done = execute(composing(shlex.split(command, comments=True)), tmp_path)
    assert done.returncode == 0, f"{document}: {command}\n{done.stderr}"
    assert list(tmp_path.iterdir()) == []


def test_readme_commands_run(tmp_path: Path) -> None:
    found = commands(ROOT / "README.md", "bash")
    assert [command.split()[1] for command in found] == ["sample", "index", "score"]
    for command in found:
        words = shlex.split(command, comments=True)[1:]
        if words[0] == "sample":
            words += ["--photos", "6"]
        if words[0] == "score":
            write_submission(tmp_path)
        done = execute(["-m", "imatfashion.cli", *words], tmp_path)
        assert done.returncode == 0, f"{command}\n{done.stderr}"
        assert done.stdout


def write_submission(folder: Path) -> None:
    """What predict.py would have written had it found nothing: filler rows."""
    photos = sorted(path.name for path in (folder / "DATA" / "test").iterdir())
    rows = ["ImageId,EncodedPixels,ClassId", *(f"{photo},1 1,23" for photo in photos)]
    (folder / "submission.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_relative_links_lead_somewhere(path: Path) -> None:
    targets = re.findall(r"\]\(([^)\s]+)\)", path.read_text(encoding="utf-8"))
    files = [target.split("#")[0] for target in targets if "://" not in target and not target.startswith("#")]
    assert [file for file in files if not (path.parent / file).exists()] == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_python_examples_import_what_there_is(path: Path) -> None:
    for block in blocks(path, "python"):
        for node in ast.walk(ast.parse(block)):
            if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("imatfashion"):
                module = importlib.import_module(node.module)
                assert [alias.name for alias in node.names if not hasattr(module, alias.name)] == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_paths_in_backticks_exist(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    mentioned = re.findall(r"`((?:src|conf|tests|benchmarks|docs)/[\w./-]+\.(?:py|yaml|md|txt))`", text)
    real = [place for place in mentioned if not re.search(r"/[A-Z]+/", place)]  # GROUP and the like stand for names
    assert [place for place in real if not (ROOT / place).exists()] == []


def test_room_table_names_the_rooms_that_there_are() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| `(\w+)` \|", text, flags=re.MULTILINE)
    package = ROOT / "src" / "imatfashion"
    there = {path.name for path in package.iterdir() if path.is_dir() and path.name != "__pycache__"} | {"cli"}
    assert set(listed) == there
