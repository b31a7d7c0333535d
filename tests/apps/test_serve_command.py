"""`imatfashion serve` as a process: what it says, whom it serves, how it ends."""

from __future__ import annotations

import concurrent.futures
import contextlib
import importlib.util
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from imatfashion.apps.serve.address import is_loopback
from imatfashion.apps.serve.command import serve
from imatfashion.apps.serve.refusal import Refused
from imatfashion.cli import app
from imatfashion.errors import FashionError
from tests.apps.serve_model import photo, save_model

pytest.importorskip("uvicorn", reason="needs the extra [serve]")
pytest.importorskip("starlette", reason="needs the extra [serve]")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    return [str(path) for path in save_model(tmp_path_factory.mktemp("model"))]


class Server:
    """A running `imatfashion serve`."""

    def __init__(self, *words: str) -> None:
        command = [sys.executable, "-m", "imatfashion.cli", "serve", *words]
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
        )
        assert self.process.stdout is not None
        self.said = []
        while not (self.said and "the page:" in self.said[-1]):
            line = self.process.stdout.readline()
            assert line, self.process.communicate()[1]
            self.said.append(line)
        self.url = re.findall(r"http://\S+", self.said[-1])[0]

    def ask(self, path: str, data: bytes | None = None) -> tuple[int, dict[str, object]]:
        """Status and answer."""
        try:
            with urllib.request.urlopen(self.url + path, data=data, timeout=60) as response:
                return response.status, json.loads(response.read())
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.loads(error.read())
        except (ConnectionError, urllib.error.URLError) as error:
            # Closed while the server ended: urllib wraps what happens while it still sends.
            if not isinstance(getattr(error, "reason", error), ConnectionError):
                raise
            return 0, {}

    def end(self, number: int = signal.SIGINT) -> tuple[int, str, str]:
        """Exit code and what it said since it was ready."""
        self.process.send_signal(number)
        out, err = self.process.communicate(timeout=60)
        return self.process.returncode, out, err


@contextlib.contextmanager
def running(*words: str) -> Iterator[Server]:
    server = Server(*words)
    try:
        yield server
    finally:
        server.process.kill()
        server.process.communicate()


def test_serves_until_ctrl_c(model: list[str]) -> None:
    with running(*model, "--port", "0", "--device", "cpu") as server:
        assert re.fullmatch(r"the page: http://127\.0\.0\.1:\d+ \(Ctrl-C ends it\)\n", "".join(server.said))
        assert server.ask("/health")[1]["status"] == "ok"
        assert server.ask("/predict?name=a.jpg", photo())[1]["width"] == 90
        assert server.ask("/predict?name=a.jpg", b"no photo")[0] == 415
        assert server.end() == (0, "stopped\n", "")


def test_a_full_queue_and_ctrl_c_while_photos_wait(model: list[str]) -> None:
    with (
        running(*model, "--port", "0", "--host", "0.0.0.0", "--device", "cpu") as server,
        concurrent.futures.ThreadPoolExecutor(20) as pool,
    ):
        assert server.said[0].startswith("warning: --host 0.0.0.0 lets every machine")
        data = photo(2500, 2000)
        asked = [pool.submit(server.ask, "/predict?name=a.jpg", data) for _ in range(20)]
        finished = (future.result() for future in concurrent.futures.as_completed(asked))
        refused = next(answer for answer in finished if answer[0] != 200)
        assert refused == (503, {"error": "8 photos are waiting already; try again in a moment"})
        assert server.end() == (0, "stopped\n", "")
        answers = [future.result() for future in asked]
        assert {200, 503} <= {status for status, _ in answers} <= {0, 200, 503}
        told = {str(answer["error"]) for status, answer in answers if status == 503}
        assert any("being ended" in sentence for sentence in told)


def run(*words: str) -> str:
    """What a command says that must fail: one sentence, exit code 2."""
    done = CliRunner().invoke(app, ["serve", *words])
    assert done.exit_code == 2, done.output
    assert done.output.startswith("error: ")
    assert done.output.count("\n") == 1
    return str(done.output)


def test_port_in_use(model: list[str]) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        assert f"port {port} of 127.0.0.1 cannot be listened on" in run(*model, "--port", port)


def test_bad_options(model: list[str], tmp_path: Path) -> None:
    assert "--host no.such.host.invalid is no address" in run(*model, "--host", "no.such.host.invalid")
    assert "--max-mb 0 must lie above 0" in run(*model, "--max-mb", "0")
    assert "there is no folder" in run(*model, "--examples", str(tmp_path / "none"), "--port", "0")
    (tmp_path / "a.jpg").write_bytes(b"no photo")
    said = CliRunner().invoke(app, ["serve", *model, "--examples", str(tmp_path), "--port", "0"])
    assert said.exit_code == 2
    assert "none of the photos in" in said.output
    assert "warning: the example a.jpg cannot be used" in said.output


def test_checkpoint_that_is_none(model: list[str], tmp_path: Path) -> None:
    assert str(tmp_path / "best.ckpt") in run(str(tmp_path / "best.ckpt"), "--port", "0")
    assert "stage" in run(model[1], "--port", "0")


def test_tuning_for_the_score_alone_is_refused(model: list[str], tmp_path: Path) -> None:
    (tmp_path / "t.json").write_text(json.dumps({"min_area": {"0": 10}, "objective": "competition"}))
    assert "competition" in run(*model, "--tuning", str(tmp_path / "t.json"), "--port", "0")


def test_missing_extra_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "uvicorn" else find(name))
    said = run("best.ckpt")
    assert "uvicorn" in said
    assert "pip install 'imatfashion[serve]'" in said


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("localhost", True),
        ("::1", True),
        ("0.0.0.0", False),
        ("10.0.0.7", False),
        ("my.machine", False),
    ],
)
def test_loopback_is_known(host: str, loopback: bool) -> None:
    assert is_loopback(host) == loopback


def test_one_at_a_time_and_no_memory_is_a_sentence() -> None:
    import asyncio

    from imatfashion.apps.serve.turns import Turns

    running, most = 0, 0

    def work() -> int:
        nonlocal running, most
        running += 1
        most = max(most, running)
        time.sleep(0.01)
        running -= 1
        return threading.get_ident()

    def too_large() -> None:
        raise MemoryError

    async def all_of_it() -> list[int]:
        turns = Turns(3)
        threads = await asyncio.gather(*(turns.run(work) for _ in range(5)))
        with pytest.raises(Refused, match="memory did not suffice"):
            await turns.run(too_large)
        with (
            turns.place(),
            turns.place(),
            turns.place(),
            pytest.raises(Refused, match="3 photos are waiting"),
            turns.place(),
        ):
            pass
        assert turns.taken == 0
        turns.close()
        return list(threads)

    assert len(set(asyncio.run(all_of_it()))) == 1
    assert most == 1


def test_examples_of_a_folder(model: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from imatfashion.apps.serve.examples import load_examples
    from imatfashion.apps.serve.limits import Limits

    for index in range(14):
        (tmp_path / f"{index:02d}.jpg").write_bytes(photo(60, 40, index))
    (tmp_path / "00.jpg").write_bytes(bytes(3000))
    (tmp_path / "01.jpg").write_bytes(b"\xff\xd8\xff" + bytes(30_000))
    examples = load_examples(tmp_path, Limits(photo_bytes=20_000))
    assert [example.name for example in examples] == [f"{index:02d}.jpg" for index in range(2, 14)]
    assert examples[0].data == (tmp_path / "02.jpg").read_bytes()
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 2
    assert all(line.startswith("warning: the example 0") for line in said)
    with pytest.raises(FashionError, match="there is no folder"):
        serve(Path("x"), None, host="127.0.0.1", port=0, max_mb=1, examples=tmp_path / "no", tuning=None, device="cpu")
