"""Where the page is served."""

from __future__ import annotations

import ipaddress
import socket

from imatfashion.errors import FashionError


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens.

    Raises:
        FashionError: the address is none of this machine, or is taken.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
    except (OSError, UnicodeError, OverflowError) as error:
        raise FashionError(f"--host {host} is no address of this machine ({error})") from error
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(address)
        listener.listen()
    except (OSError, OverflowError) as error:
        listener.close()
        raise FashionError(
            f"port {port} of {host} cannot be listened on ({getattr(error, 'strerror', None) or error}); "
            f"end what uses it, or give another --port (0 takes any free one)"
        ) from error
    return listener


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach the address."""
    try:
        return host.lower() == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
