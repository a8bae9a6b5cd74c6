"""Builds the sandbox's app: the account, its routes, its front door."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response

from lib.sandbox.clock.clock import Clock
from lib.sandbox.clock.timing import USUAL, Timing
from lib.sandbox.replicas import pictures
from lib.sandbox.room import routes as room
from lib.sandbox.room.view import Reply
from lib.sandbox.server import daily
from lib.sandbox.server.account import Sandbox
from lib.sandbox.server.control import Control
from lib.sandbox.server.front import Front
from lib.sandbox.server.routes import api
from lib.sandbox.wire.dialect import Dialect
from lib.sandbox.wire.responses import Refusal, error_page


def create(
    *,
    reply: Reply,
    state_path: Path | None = None,
    clock: Clock | None = None,
    timing: Timing = USUAL,
) -> Starlette:
    """The sandbox as an app, to be served at `/` or mounted; `app.state.sandbox` is its `Sandbox`.

    `reply(persona_row, context, turns)` is what the avatar says next. Whoever mounts the app calls
    `app.state.sandbox.close()` at the end; served at `/`, it closes itself.
    """
    sandbox = Sandbox(state_path=state_path, clock=clock, timing=timing)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        yield
        sandbox.close()

    app = Starlette(
        routes=[
            *api(sandbox),
            *daily.routes(sandbox.rooms),
            *Control(sandbox).routes(),
            *pictures.routes(),
            *room.routes(sandbox.calls, reply),
        ],
        middleware=[Middleware(Front, log=sandbox.log, faults=sandbox.faults, before=sandbox.ticker.tick)],
        exception_handlers={Refusal: _refused(lambda: sandbox.dialect), 404: _missing, 405: _missing},
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False
    app.state.sandbox = sandbox
    return app


def _refused(dialect: Callable[[], Dialect]) -> Callable[[Request, Exception], Response]:
    def handler(request: Request, error: Exception) -> Response:
        assert isinstance(error, Refusal)
        if error.status == 400 and error.key == "error":
            error.key = dialect().bad_request_key
        return error.response()

    return handler


async def _missing(request: Request, error: Exception) -> Response:
    """An endpoint that does not exist answers a page, as the real service does."""
    return error_page(getattr(error, "status_code", 404))
