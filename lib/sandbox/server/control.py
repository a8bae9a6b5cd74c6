"""The control plane, `/_sandbox/`: what no real Tavus has. No key is asked for.

- `POST reset` `{"stock": true}`: everything as at first; with `false`, without anything of the stock.
- `GET log?kind=request|callback&after=SEQ`: a list of what was seen, or sent (`log`).
- `GET faults`, `POST faults`: the list of scripted faults, replaced as a whole (`faults`).
- `GET clock`, `POST clock`: `{"advance_s": n}`, `{"now": seconds}`, `{"freeze": true | false}`. What is due has
  happened when this answers.
- `GET limits`, `POST limits`: `{"concurrency": n | null, "credits": minutes | null}`.
- `GET drafts`, `POST drafts` `{"persona_id": id, "draft": true | false}`: ids of the personas that somebody edits in
  PAL Maker. A PATCH of such a persona answers 409 `{"error", "conflict": "maker_changes"}`; with `?force=true` it is
  carried out, and the draft is gone.
- `GET dialect`, `POST dialect`: how to answer where documents and reality differ (`dialect`).
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from lib.sandbox.server.account import Sandbox
from lib.sandbox.wire.responses import Refusal, iso, parse_json

LATEST = 32_503_680_000.0  # the year 3000: later times can't be written
Handler = Callable[[Request], Awaitable[Response]]


class Control:
    """The handlers. None of them blocks."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    def routes(self) -> list[BaseRoute]:
        return [
            Route("/_sandbox/reset", _guarded(self.reset), methods=["POST"]),
            Route("/_sandbox/log", _guarded(self.log), methods=["GET"]),
            Route("/_sandbox/faults", _guarded(self.faults), methods=["GET", "POST"]),
            Route("/_sandbox/clock", _guarded(self.clock), methods=["GET", "POST"]),
            Route("/_sandbox/limits", _guarded(self.limits), methods=["GET", "POST"]),
            Route("/_sandbox/drafts", _guarded(self.drafts), methods=["GET", "POST"]),
            Route("/_sandbox/dialect", _guarded(self.dialect), methods=["GET", "POST"]),
        ]

    async def reset(self, request: Request) -> Response:
        given = await _given(request, otherwise={})
        if not isinstance(given, dict) or set(given) - {"stock"}:
            raise Refusal('Give nothing, or {"stock": false}.')
        self._sandbox.reset(stock=given.get("stock", True) is not False)
        return Response(status_code=204)

    async def log(self, request: Request) -> Response:
        after = request.query_params.get("after", "0")
        kind = request.query_params.get("kind", "request")
        if kind not in ("request", "callback") or not after.isdecimal():
            raise Refusal("kind is request or callback, after is a whole number.")
        return JSONResponse(self._sandbox.log.read(kind=kind, after=int(after)))

    async def faults(self, request: Request) -> Response:
        if request.method == "POST":
            self._sandbox.faults.script(await _given(request))
        return JSONResponse(self._sandbox.faults.dump())

    async def clock(self, request: Request) -> Response:
        clock = self._sandbox.clock
        if request.method == "POST":
            given = await _given(request)
            if not isinstance(given, dict) or not given or set(given) - {"advance_s", "now", "freeze"}:
                raise Refusal("Give advance_s, now or freeze.")
            advance_s, now = _number(given, "advance_s"), _number(given, "now")
            if not 0 <= (clock.now() if now is None else now) + (advance_s or 0) <= LATEST:
                raise Refusal("This time can't be written.")
            if given.get("freeze") is True:
                clock.freeze()
            elif given.get("freeze") is False:
                clock.resume()
            if now is not None:
                clock.set(now)
            if advance_s:
                clock.advance(advance_s)
            self._sandbox.clock_moved()
        return JSONResponse({"now": clock.now(), "iso": iso(clock.now()), "frozen": clock.frozen})

    async def limits(self, request: Request) -> Response:
        active, used_min = self._sandbox.calls.usage()
        if request.method == "POST":
            self._sandbox.limits.change(await _given(request), used_min=used_min)
        return JSONResponse(self._sandbox.limits.dump(active=active, used_min=used_min))

    async def drafts(self, request: Request) -> Response:
        personas = self._sandbox.personas
        if request.method == "POST":
            given = await _given(request)
            wrong = not isinstance(given, dict) or set(given) - {"persona_id", "draft"}
            if wrong or not isinstance(given.get("persona_id"), str) or type(given.get("draft", True)) is not bool:
                raise Refusal('Give {"persona_id": id, "draft": true | false}.')
            personas.set_draft(given["persona_id"], there=given.get("draft", True))
        return JSONResponse(personas.drafts())

    async def dialect(self, request: Request) -> Response:
        if request.method == "POST":
            self._sandbox.dialect = self._sandbox.dialect.changed(await _given(request))
        return JSONResponse(self._sandbox.dialect.dump())


def _guarded(handler: Handler) -> Handler:
    """Other web pages that the user has open can't reach the control plane: it changes what a rehearsal shows."""

    async def guarded(request: Request) -> Response:
        origin = request.headers.get("origin")
        if origin is not None and urlsplit(origin).netloc != request.headers.get("host"):
            raise Refusal("The control plane answers no other web page.", status=403)
        return await handler(request)

    return guarded


async def _given(request: Request, otherwise: Any = None) -> Any:
    raw = await request.body()
    return parse_json(raw) if raw or otherwise is None else otherwise


def _number(given: dict[str, Any], name: str) -> float | None:
    value = given.get(name)
    if value is not None and (type(value) not in (int, float) or not math.isfinite(value)):
        raise Refusal(f"{name} must be a number of seconds.")
    return value
