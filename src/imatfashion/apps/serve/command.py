"""`imatfashion serve`: checks, then the model, then the server until Ctrl-C."""

from __future__ import annotations

import importlib.util
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from imatfashion.apps.serve.address import is_loopback, listen
from imatfashion.errors import FashionError

if TYPE_CHECKING:
    from imatfashion.apps.serve.service import Service

_PACKAGES = ("starlette", "uvicorn")


def serve(
    classes_ckpt: Path,
    attributes_ckpt: Path | None,
    *,
    host: str,
    port: int,
    max_mb: float,
    examples: Path | None,
    tuning: Path | None,
    device: str,
) -> None:
    """Serve the page until Ctrl-C.

    Args:
        classes_ckpt: checkpoint of the class segmenter.
        attributes_ckpt: checkpoint of the attribute classifier, or None.
        host: address to listen on.
        port: port to listen on; 0 for any free one.
        max_mb: largest photo, MB (10⁶ bytes).
        examples: folder of photos to try, None for drawn ones.
        tuning: post-processing by class and attribute, or None.
        device: `auto`, `cpu`, `cuda` or `cuda:N`.

    Raises:
        FashionError: the extra is missing, an option or a file cannot be used, or the address is taken.
    """
    _check(max_mb)
    # The address before the model, so that a port in use is told at once.
    with listen(host, port) as listener:
        from imatfashion.apps.serve.service import load_service  # heavy, and behind the check of the extra

        service = load_service(
            classes_ckpt, attributes_ckpt, device=device, max_mb=max_mb, examples=examples, tuning=tuning
        )
        _run(listener, host, service)


def _check(max_mb: float) -> None:
    missing = [name for name in _PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        raise FashionError(
            f"the page needs {' and '.join(missing)}, not installed here; pip install 'imatfashion[serve]' brings what "
            "is missing"
        )
    if not 0 < max_mb <= 1000:
        raise FashionError(f"--max-mb {max_mb:g} must lie above 0 and be at most 1000")


def _run(listener: socket.socket, host: str, service: Service) -> None:
    from imatfashion.apps.serve.guard import LOOPBACK  # behind the check of the extra
    from imatfashion.apps.serve.server import PageServer
    from imatfashion.apps.serve.turns import Turns
    from imatfashion.apps.serve.web import build_app

    turns = Turns(service.limits.waiting)
    app = build_app(service, turns, LOOPBACK | {host.lower()} if is_loopback(host) else None)
    _announce(host, listener.getsockname()[1])
    PageServer(app, turns).serve_until_ctrl_c(listener)
    _tell("stopped")


def _announce(host: str, port: int) -> None:
    if not is_loopback(host):
        _tell(
            f"warning: --host {host} lets every machine that reaches this one send photos to it: there is no password "
            "and no encryption"
        )
    shown = f"[{host}]" if ":" in host else host
    _tell(f"the page: http://{shown}:{port} (Ctrl-C ends it)")


def _tell(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
