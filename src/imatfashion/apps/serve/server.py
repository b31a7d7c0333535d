"""The HTTP server: uvicorn, which tells the queue when it is to end."""

from __future__ import annotations

import contextlib
import socket
from types import FrameType

import uvicorn
from starlette.types import ASGIApp

from imatfashion.apps.serve.turns import Turns

_PATIENCE = 60
"""Seconds that the photo at hand has after Ctrl-C; a second Ctrl-C waits for nothing."""


class PageServer(uvicorn.Server):
    """A server for the page.

    Args:
        app: the application.
        turns: its queue.
    """

    def __init__(self, app: ASGIApp, turns: Turns) -> None:
        super().__init__(
            uvicorn.Config(
                app, log_level="warning", access_log=False, server_header=False, timeout_graceful_shutdown=_PATIENCE
            )
        )
        self.turns = turns

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Take a signal: what waits is refused, so that only the photo at hand is waited for."""
        self.turns.ending = True
        super().handle_exit(sig, frame)

    def serve_until_ctrl_c(self, listener: socket.socket) -> None:
        """Serve; returns after Ctrl-C, and ends the process after SIGTERM."""
        # uvicorn raises the signal again when everything has ended.
        with contextlib.suppress(KeyboardInterrupt):
            self.run(sockets=[listener])
