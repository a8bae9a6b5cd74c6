"""Builds the sandbox: its parts, its routes, its front door."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from lib.sandbox import pictures, room
from lib.sandbox.callbacks import Callbacks
from lib.sandbox.calls import CallBook
from lib.sandbox.callview import Reply
from lib.sandbox.clock import Clock
from lib.sandbox.control import Control
from lib.sandbox.conversations import ConversationRoutes, Conversations
from lib.sandbox.dialect import Dialect
from lib.sandbox.events import Announcer
from lib.sandbox.faults import Faults
from lib.sandbox.front import Front
from lib.sandbox.library.document_routes import DocumentRoutes
from lib.sandbox.library.documents import Documents
from lib.sandbox.library.guardrail_routes import GuardrailRoutes
from lib.sandbox.library.guardrails import Guardrails
from lib.sandbox.library.objectives import ObjectiveRoutes, Objectives
from lib.sandbox.limits import Limits
from lib.sandbox.log import Log
from lib.sandbox.personas import PersonaRoutes, Personas
from lib.sandbox.replicas import ReplicaRoutes, Replicas
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
        routes=[*_api(sandbox), *Control(sandbox).routes(), *pictures.routes(), *room.routes(sandbox.calls, reply)],
        middleware=[Middleware(Front, log=sandbox.log, faults=sandbox.faults, before=sandbox.ticker.tick)],
        exception_handlers={Refusal: _refused(lambda: sandbox.dialect), 404: _missing, 405: _missing},
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False
    app.state.sandbox = sandbox
    return app


def _api(sandbox: Sandbox) -> list[BaseRoute]:
    personas = PersonaRoutes(sandbox.personas, lambda: sandbox.dialect)
    replicas = ReplicaRoutes(sandbox.replicas, lambda: sandbox.dialect)
    made = Conversations(sandbox.calls, sandbox.personas, sandbox.replicas, sandbox.limits, sandbox.clock)
    objectives = ObjectiveRoutes(sandbox.objectives, lambda: sandbox.dialect)
    guardrails = GuardrailRoutes(sandbox.guardrails, lambda: sandbox.dialect)
    documents = DocumentRoutes(sandbox.documents, lambda: sandbox.dialect)
    conversations = ConversationRoutes(made, sandbox.calls, sandbox.tokens, lambda: sandbox.dialect)
    routes: list[BaseRoute] = []
    for name in ("personas", "pals"):
        routes += _both(f"/v2/{name}", GET=personas.list, POST=personas.create)
        routes += _both(f"/v2/{name}/{{id}}", GET=personas.get, PATCH=personas.patch, DELETE=personas.delete)
    for name in ("replicas", "faces"):
        routes += _both(f"/v2/{name}", GET=replicas.list, POST=replicas.train)
        routes += _both(f"/v2/{name}/{{id}}", GET=replicas.get, PATCH=replicas.merge, DELETE=replicas.delete)
        routes += _both(f"/v2/{name}/{{id}}/name", PATCH=replicas.rename)
    routes += _both("/v2/objectives", GET=objectives.list, POST=objectives.create)
    routes += _both("/v2/objectives/validate", POST=objectives.validate)
    routes += _both("/v2/objectives/{id}", GET=objectives.get, PATCH=objectives.patch, DELETE=objectives.delete)
    routes += _both("/v2/guardrails", GET=guardrails.list, POST=guardrails.create)
    routes += _both("/v2/guardrails/tags", GET=guardrails.tags)
    routes += _both("/v2/guardrails/{id}", GET=guardrails.get, PATCH=guardrails.patch, DELETE=guardrails.delete)
    routes += _both("/v2/documents", GET=documents.list, POST=documents.create)
    routes += _both("/v2/documents/tags", GET=documents.tags)
    routes += _both("/v2/documents/{id}", GET=documents.get, PATCH=documents.change, DELETE=documents.delete)
    routes += _both("/v2/documents/{id}/recrawl", POST=documents.recrawl)
    routes += _both("/v2/documents/{id}/chunks", GET=documents.chunks)
    routes += _both("/v2/conversations", GET=conversations.list, POST=conversations.create)
    routes += _both("/v2/conversations/{id}", GET=conversations.get, DELETE=conversations.delete)
    routes += _both("/v2/conversations/{id}/end", POST=conversations.end)
    return routes


def _both(path: str, **handlers: Callable[[Request], object]) -> list[BaseRoute]:
    """One path with and without its trailing slash: the official command line uses either and follows no redirect."""
    return [
        Route(spelling, handler, methods=[method])
        for spelling in (path, path + "/")
        for method, handler in handlers.items()
    ]


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
