"""Ends a connection without an answer, as a network does.

ASGI has no word for it, so the server's transport is looked for behind `receive`, which uvicorn binds to its
connection; middleware may have wrapped it.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterator
from functools import cache
from typing import Any

from starlette.types import Receive, Send

MAX_STEPS = 200

logger = logging.getLogger(__name__)


async def drop(receive: Receive, send: Send) -> None:
    """Close the connection now, with no (further) byte sent; returns when the server has noticed.

    Where no transport is found, a response is begun and left unfinished: the client sees a broken answer.
    """
    transport = _transport(receive)
    if transport is None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"1")]})
        return
    transport.abort()
    await _gone(receive)


async def close(receive: Receive) -> None:
    """Close the connection after what was sent; returns when the server has noticed."""
    transport = _transport(receive)
    if transport is not None:
        transport.close()
        await _gone(receive)


@cache
def _say_once() -> None:
    logger.warning("The sandbox finds no connection to break off: a client sees a broken answer in its place")


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _transport(receive: Any) -> Any:
    seen, found = 0, deque([receive])
    while found and seen < MAX_STEPS:
        seen += 1
        inside = found.popleft()
        owner = getattr(inside, "__self__", None)
        transport = getattr(owner, "transport", None)
        if callable(getattr(transport, "abort", None)):
            return transport
        found.extend(_inside(inside, owner))
    _say_once()
    return None


def _inside(wrapper: Any, owner: Any) -> Iterator[Any]:
    """What a wrapper of `receive` may hold the original in: a closure, a partial, an object's own fields."""
    for cell in getattr(wrapper, "__closure__", None) or ():
        yield cell.cell_contents
    for holder in (wrapper, owner):
        for name in ("func", "receive", "_receive", "wrapped_receive"):
            held = getattr(holder, name, None)
            if held is not None and callable(held):
                yield held
