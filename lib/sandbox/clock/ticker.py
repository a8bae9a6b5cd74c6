"""Wakes up whoever has something to do when its time has come."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from typing import Protocol

log = logging.getLogger(__name__)

SLACK_S = 0.005


class Timed(Protocol):
    """Something that time changes."""

    def tick(self) -> None:
        """Do what is due by now."""

    def wait_s(self) -> float | None:
        """Seconds until `tick` has something to do, None for never."""


class Ticker:
    """A thread that ticks `parts` when they are due. It starts with the first `wake`."""

    def __init__(self, parts: Sequence[Timed] = ()) -> None:
        self.parts = parts
        self._changed = threading.Event()
        self._closed = False
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def wake(self) -> None:
        """Look again when the next thing is due."""
        with self._lock:
            self._changed.set()
            if self._thread is None and not self._closed:
                self._thread = threading.Thread(target=self._run, name="sandbox-ticker", daemon=True)
                self._thread.start()

    def tick(self) -> None:
        for part in self.parts:
            part.tick()

    def close(self) -> None:
        with self._lock:
            self._closed = True
            thread = self._thread
        self._changed.set()
        if thread is not None:
            thread.join(1.0)

    def _run(self) -> None:
        while not self._closed:
            self._changed.clear()
            try:
                self.tick()
            except Exception:  # one bad row must not stop the timers of all others
                log.exception("A timer of the sandbox failed.")
                self._changed.wait(1.0)
            waits = [wait for wait in (part.wait_s() for part in self.parts) if wait is not None]
            self._changed.wait(max(min(waits), 0.0) + SLACK_S if waits else None)
