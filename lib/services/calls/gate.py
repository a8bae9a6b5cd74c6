"""Whether a start may be sent now: the one thing that every start asks before its POST."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Protocol

from lib.errors import NotSent
from lib.services.calls.breaker import Breaker
from lib.services.calls.watchdog import Watchdog

READY_WITHIN_S = 30.0


class Recoverer(Protocol):
    """Looks for what an earlier process may have left, where this process leads."""

    def make_sure(self) -> None:
        """Look for it now, unless that was done. Raises UpstreamError."""


class Gate:
    """Shut until `ready`, while the background watch is stuck, while what an earlier process left was not looked for,
    and while Tavus is out of reach. `probe` asks Tavus the smallest thing; it raises UpstreamError.
    """

    def __init__(self, breaker: Breaker, watchdog: Watchdog, recovery: Recoverer, probe: Callable[[], object]) -> None:
        self.ready = threading.Event()
        self._breaker = breaker
        self._watchdog = watchdog
        self._recovery = recovery
        self._probe = probe

    def check(self) -> None:
        """Raises UpstreamError where no start may be sent; may wait for some seconds."""
        if not self.ready.wait(READY_WITHIN_S):
            raise NotSent("Greenroom has not finished starting up.", hint="Try again in a moment.")
        if not self._watchdog.fit:
            told = "Greenroom's background watch is stuck, so no call is started: nobody would end it."
            raise NotSent(told, code="watch_stuck", hint="Diagnostics says where.", besides="Text chat works.")
        self._recovery.make_sure()
        self._breaker.check(self._probe)
