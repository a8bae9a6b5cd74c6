"""Builds the sandbox: its parts, its routes, its front door."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response

from lib.sandbox import daily, pictures, room
from lib.sandbox.callbacks import Callbacks
from lib.sandbox.calls import CallBook
from lib.sandbox.callview import Reply
from lib.sandbox.clock import Clock
from lib.sandbox.control import Control
from lib.sandbox.daily import Rooms
from lib.sandbox.dialect import Dialect
from lib.sandbox.events import Announcer
from lib.sandbox.faults import Faults
from lib.sandbox.front import Front
from lib.sandbox.library.dictionaries import Dictionaries
from lib.sandbox.library.documents import Documents
from lib.sandbox.library.guardrails import Guardrails
from lib.sandbox.library.objectives import Objectives
from lib.sandbox.library.skills import Skills
from lib.sandbox.library.tools import Tools
from lib.sandbox.limits import Limits
from lib.sandbox.log import Log
from lib.sandbox.personas import Personas
from lib.sandbox.replicas import Replicas
from lib.sandbox.routes import api
from lib.sandbox.state import State
from lib.sandbox.stock import fill
from lib.sandbox.ticker import Ticker
from lib.sandbox.timing import USUAL, Timing
from lib.sandbox.tokens import Tokens
from lib.sandbox.wire import Refusal, error_page


class Sandbox:
    """A pretended Tavus account: everything behind the routes.

    `state_path` None forgets at the end of the process. A clock that is handed in is not restored from the state.
    """

    def __init__(self, *, state_path: Path | None = None, clock: Clock | None = None, timing: Timing = USUAL) -> None:
        self.state = State(state_path)
        self.clock = clock or Clock()
        self._own_clock = clock is None
        self.log = Log()
        self.faults = Faults()
        self.limits = Limits()
        self.dialect = Dialect()
        self.ticker = Ticker()
        self.callbacks = Callbacks(self.log, timeout_s=timing.callback_s)
        self.tokens = Tokens(self.state)
        if self.state.empty:
            fill(self.state)
        elif self._own_clock and (dumped := self.state.get("meta", "clock")):
            self.clock.load(dumped)
        announcer = Announcer(self.callbacks, lambda: self.dialect)
        self.calls = CallBook(self.state, self.clock, announcer, self.tokens, timing=timing, changed=self.ticker.wake)
        self.replicas = Replicas(
            self.state, self.clock, self.callbacks, training_s=timing.training_s, changed=self.ticker.wake
        )
        self.personas = Personas(self.state, self.clock, self.replicas.usable)
        self.objectives = Objectives(self.state, self.clock, self.personas)
        self.guardrails = Guardrails(self.state, self.clock, self.personas)
        self.documents = Documents(
            self.state, self.clock, self.callbacks, processing_s=timing.document_s, changed=self.ticker.wake
        )
        self.tools = Tools(self.state, self.clock, self.personas)
        self.skills = Skills(self.personas, self.clock)
        self.dictionaries = Dictionaries(self.state, self.clock, self.personas)
        self.rooms = Rooms(self.state, self.clock)
        self.ticker.parts = (self.calls, self.replicas, self.documents)
        self.ticker.wake()

    def reset(self, *, stock: bool = True) -> None:
        """Everything as at first; the log is empty, and no timer of an earlier conversation runs on."""
        self.faults.script([])
        self.limits.reset()
        self.dialect = Dialect()
        self.clock.reset()
        self.state.clear()
        fill(self.state, stock=stock)
        self.calls.load()
        self.callbacks.clear()
        self.log.clear()

    def clock_moved(self) -> None:
        """Do what is due now, and keep the time for after a restart."""
        if self._own_clock:
            self.state.put("meta", "clock", self.clock.dump())
        self.ticker.tick()
        self.ticker.wake()

    def close(self) -> None:
        """Stop timers and callbacks and close the state's file. Takes at most two seconds."""
        self.ticker.close()
        self.callbacks.close()
        self.state.close()


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
