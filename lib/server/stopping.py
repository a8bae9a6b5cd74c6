"""Ctrl-C ends the process in time, whatever still runs in it."""

from __future__ import annotations

import os
import signal
import sys
import threading
from types import FrameType
from typing import Any

SIGNALS = [signal.SIGINT, signal.SIGTERM]
if sys.platform == "win32":
    SIGNALS.append(signal.SIGBREAK)


class Deadline:
    """After the first signal the server has `grace_s` seconds to end by itself; a second signal ends it at once.

    uvicorn waits without limit for requests that are under way, and Python for worker threads, so a request to a
    Tavus that does not answer would hold a Ctrl-C for as long as its time limit. The store commits what matters as it
    happens: nothing is lost by leaving. `install` goes into the lifespan's start, when uvicorn's own handlers are in
    place. uvicorn is told to end in the way that its handler does, but not which signal it was, because it would send
    that again after a clean end, and the last word would be "Aborted!".
    """

    def __init__(self, grace_s: float = 4.0) -> None:
        self._grace_s = grace_s
        self._signalled = False

    def install(self) -> None:
        """Wrap the handlers. Does nothing off the main thread, where Python allows no handlers (tests)."""
        if threading.current_thread() is not threading.main_thread():
            return
        for number in SIGNALS:
            before = signal.getsignal(number)

            def handle(number: int, frame: FrameType | None, before: object = before) -> None:
                if self._signalled:
                    leave(number)
                self._signalled = True
                threading.Thread(target=self._wait, args=(number,), name="deadline", daemon=True).start()
                server: Any = getattr(before, "__self__", None)
                if hasattr(server, "should_exit"):
                    server.should_exit = True
                elif callable(before):
                    before(number, frame)

            signal.signal(number, handle)

    def _wait(self, number: int) -> None:
        threading.Event().wait(self._grace_s)
        leave(number)


def leave(number: int) -> None:
    """End the process now, with the exit code that a shell gives to one ended by this signal."""
    os._exit(128 + number)
