"""A socket that does not wait: plain ASGI, as the headers are."""

from __future__ import annotations

import socket
from contextlib import suppress
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

from lib.server.inner_parts import InnerPart

TRANSPORT = InnerPart(
    "The connections' sockets",
    "Each rerun may take 40 ms longer, and the sandbox can't break a connection off as a network does.",
)


class NoDelay:
    """Sets TCP_NODELAY on the socket of every connection.

    Streamlit binds its listening socket without naming the protocol, so asyncio does not set the option, and each
    rerun's last message waits for the peer's delayed ACK: about 40 ms on Linux, more on Windows. uvloop always sets
    it, but there is no uvloop for Windows. uvicorn hands each request the bound `receive` of an object that holds the
    connection's transport; this middleware must be the outermost, so that nothing has wrapped it.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket"):
            TRANSPORT.reach(lambda: send_at_once(receive))
        await self.app(scope, receive, send)


def send_at_once(receive: Any) -> None:
    """Set TCP_NODELAY on the TCP connection behind `receive`. Raises AttributeError if there is none to be found."""
    transport = receive.__self__.transport
    if type(transport).__module__.startswith("uvloop"):  # sets it itself, and takes long to say on which socket
        return
    connection = transport.get_extra_info("socket")
    if connection.family not in (socket.AF_INET, socket.AF_INET6):
        return
    with suppress(OSError):  # closed by the other side in the meantime
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
