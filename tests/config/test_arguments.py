"""Arguments of the commands that sentences and pages name: what is pasted gives the very value."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from imatfashion.config.arguments import argument, resume_command

TEXTS = ["runs/a-1", "my runs/a", "runs/it's", 'a"b', "a=b", "photo(1)", "a,b", "naïve", "${x}", "", "[1]", "a:b"]
TEXTS += ["a\\b", "a b\\", 'a\\"b', "a\\'b", "20240115_01", "1e5", "-.5", "null", "True", "inf", "007"]


@pytest.mark.parametrize("text", TEXTS)
def test_an_argument_survives_shell_and_hydra(text: str) -> None:
    (word,) = shlex.split(argument("resume", text))
    override = OverridesParser.create().parse_override(word)
    assert override.key_or_group == "resume"
    assert override.value() == text


@pytest.mark.parametrize(("value", "text"), [(None, "null"), (3, "3"), (0.5, "0.5"), (True, "True")])
def test_what_is_no_text_stays_so(value: object, text: str) -> None:
    assert argument("key", value) == f"key={text}"


def test_a_run_goes_on_with_a_command() -> None:
    assert resume_command(Path("runs/a")) == "python train.py resume=runs/a"
    assert resume_command(Path("my runs (2)"), "trainer.on_nan=skip") == (
        "python train.py 'resume=\"my runs (2)\"' trainer.on_nan=skip"
    )
