"""Around every answer: who may ask, and what the browser may do with it.

A page of another site must not reach a server on loopback through the visitor's browser: neither by a name that it lets
point here (DNS rebinding: the Host header tells) nor by a request of its own (the Origin header tells).
"""

from __future__ import annotations

from collections.abc import Collection
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class Guard:
    """Middleware that refuses foreign hosts and origins and adds the headers.

    Args:
        app: what is guarded.
        hosts: names by which the server may be asked for; None for any.
    """

    def __init__(self, app: ASGIApp, hosts: Collection[str] | None) -> None:
        self.app = app
        self.hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve, or refuse with 403."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_HEADERS)
            await send(message)

        reason = self._reason(Headers(scope=scope))
        app = JSONResponse({"error": reason}, status_code=403) if reason else self.app
        await app(scope, receive, send_guarded)

    def _reason(self, headers: Headers) -> str:
        """Why the request is refused, "" where it is not."""
        host, origin = headers.get("host", ""), headers.get("origin")
        if self.hosts is not None and _hostname(f"//{host}") not in self.hosts:
            return (
                "this page is served by the names " + ", ".join(sorted(self.hosts)) + " alone; open it by one of them"
            )
        if origin is not None and _place(origin) != host.lower():
            return "requests from other sites are refused; open the page itself"
        return ""


def _hostname(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None


def _place(origin: str) -> str:
    """Host and port of an origin, "" where it is none (`null`, for instance)."""
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return ""
