"""What a run shows: a bar at a real terminal, plain lines elsewhere, and the time left from known steps."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from imatfashion.config.schema import Config, LoggerConfig
from imatfashion.training.bar import at_terminal
from imatfashion.training.fit import fit
from imatfashion.training.pace import Pace, duration

Make = Callable[..., Config]


@pytest.fixture
def command(repository: Path, drawn: Path, tmp_path: Path) -> list[str]:
    """A run of two epochs of three steps."""
    return [
        sys.executable,
        str(repository / "train.py"),
        f"data.root={drawn}",
        f"run_dir={tmp_path / 'run'}",
        "model=tiny",
        "model.backbone=test_resnet",
        "resolution=32",
        "batch_size=4",
        "gpu=cpu",
        "logger=csv",
        "data.workers=0",
        "schedule.phases=[{epochs:2}]",
    ]


def at_pty(command: list[str], **environment: str) -> tuple[int, str]:
    """Run at a terminal, of 100 columns unless told otherwise; gives the exit code and all that was written to it."""
    master, slave = pty.openpty()
    env = {**os.environ, "TERM": "xterm", "COLUMNS": "100", "LINES": "30", **environment}
    env = {name: value for name, value in env.items() if name != "CI" or "CI" in environment}
    process = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, env=env, close_fds=True)
    os.close(slave)
    parts = []
    try:
        while part := os.read(master, 65536):
            parts.append(part)
    except OSError:
        # How Linux says that the other end is closed.
        pass
    os.close(master)
    return process.wait(timeout=120), b"".join(parts).decode()


def test_a_bar_at_a_terminal(command: list[str]) -> None:
    code, shown = at_pty(command)
    assert code == 0
    assert "\x1b[" in shown
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown)
    assert re.search(r"epoch 2/2 .*6/6.*loss \d+\.\d+ · val/miou 0\.\d+ · \d+\.\d images/s · 0:00:00 to go", plain)
    assert "validation 1/" in plain
    # The cursor is given back, and what follows begins on a line of its own.
    assert shown.rindex("\x1b[?25h") > shown.rindex("\x1b[?25l")
    assert "\nrun: " in plain.replace("\r", "")


def test_a_narrow_terminal_cuts_nothing_off(command: list[str]) -> None:
    code, shown = at_pty(command, COLUMNS="80")
    assert code == 0
    drawn = [
        line for line in re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown).split("\r") if " to go" in line or "…" in line
    ]
    assert len(drawn) > 4
    assert not [line for line in drawn if "…" in line]
    assert re.search(r"epoch 2/2 ━{8,} 6/6 val/miou 0\.\d+ · \d+\.\d images/s · 0:00:00 to go", drawn[-1])


def test_an_error_comes_after_the_bar(command: list[str]) -> None:
    code, shown = at_pty([*command, "platform.max_hours=1e-9"])
    assert code == 2
    assert shown.rindex("error: platform.max_hours") > shown.rindex("\x1b[?25h")
    assert re.search(r"\n(?:\x1b\[[0-9;?]*[A-Za-z])*error: platform.max_hours", shown.replace("\r", ""))


@pytest.mark.parametrize("through", ["a pipe", "CI"])
def test_plain_lines_elsewhere(command: list[str], through: str) -> None:
    if through == "CI":
        code, shown = at_pty(command, CI="true")
    else:
        # FORCE_COLOR makes rich write codes into pipes.
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=300, check=False, env=os.environ | {"FORCE_COLOR": "1"}
        )
        code, shown = done.returncode, done.stdout + done.stderr
    assert code == 0, shown
    lines = [line for line in shown.replace("\r\n", "\n").splitlines() if line.startswith("epoch ")]
    assert "\x1b" not in shown
    assert "\r" not in shown.replace("\r\n", "\n")
    assert len(lines) == 2
    form = (
        r"epoch {0}/2 · step {1}/\d+ · loss \d+\.\d{{4}} · val/miou 0\.\d{{4}} · \d+\.\d images/s · \d:\d\d:\d\d to go"
    )
    for epoch, line in enumerate(lines, start=1):
        assert re.fullmatch(form.format(epoch, r"\d+"), line), line
    for words in ("figures: ", "stop with Ctrl-C: the state is saved; go on with: python train.py resume="):
        assert f"\n{words}" in shown.replace("\r\n", "\n")


def test_addresses_of_the_dashboards(
    tiny: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("WANDB_MODE", "offline")
    fit(tiny(max_steps=1, logger=LoggerConfig(tensorboard=True, wandb=True, panels=0)))
    run = tmp_path / "run"
    said = f"figures: {run}/metrics.csv · tensorboard --logdir {run} · wandb sync {run}/wandb/offline-run-*"
    assert said in capsys.readouterr().out


def test_no_progress_shows_no_line(tiny: Make, capsys: pytest.CaptureFixture[str]) -> None:
    fit(tiny(max_steps=4, progress=False))
    assert "epoch" not in capsys.readouterr().out


def test_the_rest_of_a_run_whose_steps_are_known() -> None:
    now = [0.0]
    pace = Pace(steps=100, steps_per_epoch=10, batch=16, clock=lambda: now[0])
    assert pace.left(0) is None
    pace.begin()
    # The first step starts everything up: it counts until there is another.
    for seconds, left in ((50.0, 99 * 50.0), (2.0, 98 * 2.0), (2.0, 97 * 2.0)):
        now[0] += seconds
        pace.step()
        assert pace.left(pace.measured) == pytest.approx(left)
    assert pace.images_per_second == pytest.approx(8)
    pace.validated(30.0)
    # Ten validations in all, one of them done.
    assert pace.left(10) == pytest.approx(90 * 2.0 + 9 * 30.0)
    assert pace.left(100) == 0
    # What comes between two epochs is no step.
    now[0] += 1000
    pace.begin()
    now[0] += 2
    pace.step()
    assert pace.step_seconds == pytest.approx(2)


def test_durations() -> None:
    assert [duration(seconds) for seconds in (0, 59.6, 3661, 90061)] == ["0:00:00", "0:01:00", "1:01:01", "1 d 1:01:01"]


def test_no_bar_where_stdout_is_no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("CI", raising=False)
    assert at_terminal()
    monkeypatch.setenv("TERM", "dumb")
    assert not at_terminal()
