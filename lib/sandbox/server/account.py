"""The pretended Tavus account: its parts, and what they share."""

from __future__ import annotations

from pathlib import Path

from lib.sandbox.clock.clock import Clock
from lib.sandbox.clock.ticker import Ticker
from lib.sandbox.clock.timing import USUAL, Timing
from lib.sandbox.conversations.events import Announcer
from lib.sandbox.conversations.limits import AccountLimits
from lib.sandbox.conversations.registry import CallBook
from lib.sandbox.conversations.tokens import Tokens
from lib.sandbox.library.dictionaries import Dictionaries
from lib.sandbox.library.documents import DocumentBook
from lib.sandbox.library.guardrails import GuardrailBook
from lib.sandbox.library.objectives import ObjectiveBook
from lib.sandbox.library.skills import Skills
from lib.sandbox.library.tools import Tools
from lib.sandbox.personas.routes import PersonaBook
from lib.sandbox.replicas.routes import ReplicaBook
from lib.sandbox.server.daily import Rooms
from lib.sandbox.server.faults import Faults
from lib.sandbox.server.stock import fill
from lib.sandbox.state import SandboxState
from lib.sandbox.wire.callbacks import Callbacks
from lib.sandbox.wire.dialect import Dialect
from lib.sandbox.wire.log import Log


class Sandbox:
    """A pretended Tavus account: everything behind the routes.

    `state_path` None forgets at the end of the process. A clock that is handed in is not restored from the state.
    """

    def __init__(self, *, state_path: Path | None = None, clock: Clock | None = None, timing: Timing = USUAL) -> None:
        self.state = SandboxState(state_path)
        self.clock = clock or Clock()
        self._own_clock = clock is None
        self.log = Log()
        self.faults = Faults()
        self.limits = AccountLimits()
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
        self.replicas = ReplicaBook(
            self.state, self.clock, self.callbacks, training_s=timing.training_s, changed=self.ticker.wake
        )
        self.personas = PersonaBook(self.state, self.clock, self.replicas.usable)
        self.objectives = ObjectiveBook(self.state, self.clock, self.personas)
        self.guardrails = GuardrailBook(self.state, self.clock, self.personas)
        self.documents = DocumentBook(
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
