"""All services of a process in one value: what `open` starts, `close` stops."""

from __future__ import annotations

import logging
from contextlib import suppress
from dataclasses import dataclass, field
from types import ModuleType

import requests
from starlette.applications import Starlette

from lib.clients.tavus import Tavus
from lib.errors import GreenroomError, StoreRefused
from lib.services.agents.service import Agents
from lib.services.callbacks.inbox import CallbackInbox
from lib.services.calls.background.kill_switch import KillSwitch
from lib.services.calls.background.sweeper import Sweeper
from lib.services.calls.gate import Gate
from lib.services.calls.planning import Planner
from lib.services.calls.sessions import Sessions
from lib.services.calls.starting import Starting
from lib.services.calls.worker_events import WorkerEvents
from lib.services.catalogue.catalogue import Catalogue
from lib.services.chat.responder import Responder
from lib.services.chat.sessions import ChatSessions
from lib.services.diagnostics.service import Diagnostics
from lib.services.diagnostics.trial import Trial
from lib.services.inspector.journal import Journal
from lib.services.inspector.service import Inspector
from lib.services.library.attaching import Attaching
from lib.services.library.service import Library
from lib.services.modes.mode import Modes
from lib.services.modes.pipecat.mode import PipecatDaily
from lib.services.personas.history import PersonaHistory
from lib.services.personas.service import Personas
from lib.services.records import export
from lib.services.records.archive import Archive
from lib.services.records.retention import Retention
from lib.settings import Loaded
from lib.store.database import Store
from lib.wiring.clients import own_rooms

log = logging.getLogger(__name__)


@dataclass
class Address:
    """Where this process answers; known once the server has its port."""

    base: str = ""

    def settle(self, base: str) -> None:
        """The server has its port."""
        self.base = base

    def answers(self) -> bool:
        if not self.base:
            return False
        try:
            return requests.get(f"{self.base}/_stcore/health", timeout=1).ok
        except requests.RequestException:
            return False


@dataclass(frozen=True)
class Services:
    """Everything a page, an API route or a command may use. `account` is whose agents and sessions are shown."""

    loaded: Loaded
    account: str
    store: Store
    tavus: Tavus
    catalogue: Catalogue
    personas: Personas
    persona_history: PersonaHistory
    library: Library
    attaching: Attaching
    agents: Agents
    sessions: Sessions
    archive: Archive
    retention: Retention
    responder: Responder
    chats: ChatSessions
    inspector: Inspector
    callbacks: CallbackInbox
    diagnostics: Diagnostics
    modes: Modes
    planner: Planner
    pipecat: PipecatDaily
    heard: WorkerEvents
    trial: Trial
    kill_switch: KillSwitch
    sandbox_app: Starlette | None
    export: ModuleType = export
    _address: Address = field(default_factory=Address)
    _gate: Gate | None = None
    _sweeper: Sweeper | None = None
    _starting: Starting | None = None
    _journal: Journal | None = None

    @property
    def sandbox(self) -> bool:
        """True while everything runs on the embedded sandbox and nothing is billed."""
        return self.loaded.settings.sandbox

    @property
    def sandbox_base(self) -> str:
        """Where the embedded sandbox answers, "" without one."""
        return f"{self._address.base}/sandbox" if self.sandbox_app is not None else ""

    @property
    def frame_origins(self) -> tuple[str, ...]:
        """Origins of rooms and faces besides Tavus's and Daily's own: those of a sandbox that runs by itself."""
        if self.sandbox:
            return ()
        return own_rooms(self.tavus.base_url)

    @property
    def ready(self) -> bool:
        """True once recovery is done and starts may go out."""
        return self._gate is not None and self._gate.ready.is_set()

    def wait_until_ready(self, within_s: float) -> bool:
        """Wait for recovery; False if it is not done by then, in which case a start says why it is not sent."""
        return self._gate is not None and self._gate.ready.wait(within_s)

    def open(self, base: str) -> None:
        """Open the database and start the sweeper. `base` is this server's own address, such as http://127.0.0.1:8501.

        Called while the server starts: sends no request itself, since it would not be answered.
        """
        for problem in self.loaded.problems:
            log.warning("%s: %s %s", problem.name, problem.message, problem.hint)
        self._address.settle(base)
        if self.sandbox_app is not None:
            self.tavus.reach_at(f"{base}/sandbox/v2")
        self.store.open()
        if self.sandbox_app is not None:
            try:
                self.agents.add_samples_once()
            except StoreRefused:
                log.warning("the database can't be used; Diagnostics says why")
        if self._journal is not None:
            self._journal.open()
        # Read now, so that no callback waits for the database before it is known to be one.
        with suppress(StoreRefused):
            self.callbacks.session_of("")
        if self._sweeper is not None:
            self._sweeper.open()

    def left_open(self) -> str:
        """What is to be known when this process ends now: that calls go on, and cost; "" if none does."""
        if self.sandbox:
            return ""
        with suppress(GreenroomError):
            count = sum(session.in_room and self.modes.of(session).outlives_us for session in self.sessions.open())
            if count:
                calls, ends, them = ("call is", "it ends", "it") if count == 1 else ("calls are", "they end", "them")
                return (
                    f"{count} {calls} still open at Tavus, and billed until {ends}. Start Greenroom again, which takes "
                    f"{them} up, or end {them}: python -m lib sessions end-all --ours"
                )
        return ""

    def close(self) -> None:
        """Stop what runs, keep what is written. Calls that are open stay with Tavus's own timers."""
        if self._sweeper is not None:
            self._sweeper.close()
        self.retention.close()
        if self._starting is not None:
            self._starting.close()
        for mode in self.modes:
            mode.close()
        self.heard.close()
        if self._journal is not None:
            self._journal.close()
        if self.sandbox_app is not None:
            self.sandbox_app.state.sandbox.close()
        self.tavus.close()
        self.store.close()
