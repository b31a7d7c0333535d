"""A process that has imported everything and forks one process a command: a try starts in a moment.

The forked process is a real one: it runs the command's own entry point and is killed as any other would be. Requests
come on stdin and replies go to stdout, a line of JSON each.
"""

from __future__ import annotations

import json
import os
import runpy
import sys
import time
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parent.parent


def serve() -> dict[str, Any] | None:
    """Answer until stdin ends; in a forked process, the request that it is for."""
    _warm_up()
    print(json.dumps("ready"), flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        if "wait" in request:
            print(json.dumps(_wait(request["wait"], request["seconds"])), flush=True)
            continue
        pid = os.fork()
        if not pid:
            return request
        print(json.dumps(pid), flush=True)
    return None


def _warm_up() -> None:
    import cv2
    import torch

    import imatfashion.cli
    import imatfashion.config.compose
    import imatfashion.data.prepare
    import imatfashion.predict.run
    import imatfashion.report.page
    import imatfashion.report.sweep_page
    import imatfashion.training.fit  # noqa: F401

    # Threads do not survive a fork.
    torch.set_num_threads(1)
    cv2.setNumThreads(0)


def _wait(pid: int, seconds: float) -> int | None:
    """The exit status as `subprocess` gives it; None when the time is up."""
    until = time.monotonic() + seconds
    while True:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() > until:
            return None
        time.sleep(0.01)


def run(request: dict[str, Any]) -> None:
    """Be the command that is asked for, in a process group of its own."""
    os.setsid()
    for number, path in enumerate((os.devnull, request["stdout"], request["stderr"])):
        handle = os.open(path, os.O_RDWR | (os.O_CREAT | os.O_TRUNC if number else 0), 0o644)
        os.dup2(handle, number)
        os.close(handle)
    os.environ.update(request["env"])
    sys.argv = request["argv"]
    from faults.hooks import install

    install(**request["hooks"])
    if sys.argv[0] == "imatfashion":
        from imatfashion.cli import app

        app()
    else:
        runpy.run_path(str(REPOSITORY / sys.argv[0]), run_name="__main__")


if __name__ == "__main__":
    wanted = serve()
    if wanted is not None:
        run(wanted)
