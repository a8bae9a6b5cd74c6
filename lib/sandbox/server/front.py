"""The sandbox's front door: every request passes here for the key, the log, the body's limit and scripted faults."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lib.sandbox.server import connection, daily
from lib.sandbox.server.faults import Fault, Faults
from lib.sandbox.wire.log import Log, body_of, headers_of, query_of
from lib.sandbox.wire.responses import Refusal, error_page, iso, route_path, unauthorized

MAX_BODY = 1_000_000


@dataclass
class Captured:
    """A response that was made and not sent yet."""

    status: int = 500
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    body: bytes = b""

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = list(message.get("headers", []))
        elif message["type"] == "http.response.body":
            self.body += message.get("body", b"")


class Front:
    """ASGI middleware around the routes. `before` runs ahead of each request to an API (due timers)."""

    def __init__(self, app: ASGIApp, *, log: Log, faults: Faults, before: Callable[[], None]) -> None:
        self._app = app
        self._log = log
        self._faults = faults
        self._before = before

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = route_path(scope) if scope["type"] == "http" else ""
        if scope["type"] != "http" or path.startswith(("/_sandbox", "/room-assets/")):
            await self._app(scope, receive, send)
        elif path.startswith(("/v2", "/daily/v1")):
            await self._logged(scope, receive, send, path)
        else:
            await self._faulty(scope, receive, send, self._app, self._faults.take(scope["method"], path))

    async def _logged(self, scope: Scope, receive: Receive, send: Send, path: str) -> None:
        at, begun, status = time.time(), time.perf_counter(), None
        fault = self._faults.take(scope["method"], path)
        body = await _body(receive)

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._faulty(scope, _Replayed(body, receive), watched, self._keyed(body), fault)
        finally:
            self._log.request(
                at=iso(at),
                method=scope["method"],
                path=path,
                query=query_of(scope.get("query_string", b"")),
                status=None if fault and fault.drop else status,
                ms=round((time.perf_counter() - begun) * 1000, 2),
                fault=fault.name if fault else None,
                headers=headers_of(scope["headers"]),
                body=None if scope["method"] in ("GET", "HEAD") else body_of(body or b""),
            )

    def _keyed(self, body: bytes | None) -> ASGIApp:
        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            self._before()
            try:
                _check_key(scope)
                if body is None:
                    raise Refusal("The request body is too large.", status=413)
            except Refusal as refusal:
                await refusal.response()(scope, receive, send)
            else:
                await self._app(scope, receive, send)

        return app

    async def _faulty(self, scope: Scope, receive: Receive, send: Send, app: ASGIApp, fault: Fault | None) -> None:
        if fault is None:
            await app(scope, receive, send)
            return
        await asyncio.sleep(fault.delay_s)
        if fault.drop == "before":
            await connection.drop(receive, send)
            return
        captured = Captured()
        if fault.act or fault.drop or not fault.answers:
            await app(scope, receive, captured.send)
        if fault.drop:
            await connection.drop(receive, send)
            return
        if fault.answers:
            captured = Captured()
            await _answer(fault)(scope, receive, captured.send)
        await _sent(captured, send, half=fault.truncate)
        if fault.truncate:
            await connection.close(receive)


class _Replayed:
    """A `receive` that gives a body that was read already, then goes on with the connection's own."""

    def __init__(self, body: bytes | None, receive: Receive) -> None:
        self._body: bytes | None = body or b""
        self.receive = receive

    async def __call__(self) -> Message:
        if self._body is not None:
            message: Message = {"type": "http.request", "body": self._body, "more_body": False}
            self._body = None
            return message
        return await self.receive()


async def _body(receive: Receive) -> bytes | None:
    """The whole body, or None where it is longer than `MAX_BODY` (it is read to its end all the same)."""
    body, size = bytearray(), 0
    while True:
        message = await receive()
        chunk = message.get("body", b"")
        size += len(chunk)
        if size <= MAX_BODY:
            body += chunk
        if message["type"] == "http.disconnect" or not message.get("more_body", False):
            return bytes(body) if size <= MAX_BODY else None


def _check_key(scope: Scope) -> None:
    """Any key that is not empty is a good one (https://docs.tavus.io/api-reference/authentication)."""
    at_daily = route_path(scope).startswith("/daily/")
    header = b"authorization" if at_daily else b"x-api-key"
    key = next((value for name, value in scope["headers"] if name == header), b"")
    if not key.removeprefix(b"Bearer").strip():
        raise daily.unauthorized() if at_daily else unauthorized()


def _answer(fault: Fault) -> Response:
    if fault.status in (204, 304):
        return Response(None, fault.status, fault.headers)
    if fault.html:
        status = fault.status or 404
        if isinstance(fault.body, str):
            return HTMLResponse(fault.body, status, fault.headers)
        return error_page(status, fault.headers)
    if isinstance(fault.body, str):
        return Response(fault.body, fault.status or 200, fault.headers, "text/plain")
    body = fault.body
    if body is None and fault.status and fault.status >= 400:
        body = {"error": "Scripted by the sandbox's control plane."}
    return JSONResponse(body if body is not None else {}, fault.status or 200, fault.headers)


async def _sent(captured: Captured, send: Send, *, half: bool) -> None:
    headers = captured.headers
    body = captured.body
    if half:
        headers = [(name, value) for name, value in headers if name.lower() != b"content-length"]
        headers.append((b"content-length", str(max(len(body), 2)).encode()))
        body = body[: len(body) // 2]
    await send({"type": "http.response.start", "status": captured.status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": half})
