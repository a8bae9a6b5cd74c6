"""Ctrl-C ends the process in time, whatever still runs in it."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

from lib.server.inner_parts import InnerPart

SIGNALS = [signal.SIGINT, signal.SIGTERM]
if sys.platform == "win32":
    SIGNALS.append(signal.SIGBREAK)

HANDLER = InnerPart("The server's own way to stop", 'Ctrl-C ends Greenroom as well, with a last line "Aborted!".')


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
            signal.signal(number, self._instead_of(signal.getsignal(number)))

    def _instead_of(self, before: Any) -> Callable[[int, FrameType | None], None]:
        HANDLER.reach(lambda: _server(before))  # now, so that it is known before the first signal comes

        def handle(number: int, frame: FrameType | None) -> None:
            if self._signalled:
                leave(number)
            self._signalled = True
            threading.Thread(target=self._wait, args=(number,), name="deadline", daemon=True).start()
            if not HANDLER.reach(lambda: _told_to_end(_server(before))) and callable(before):
                HANDLER.reach(lambda: before(number, frame))

        return handle

    def _wait(self, number: int) -> None:
        threading.Event().wait(self._grace_s)
        leave(number)


def _server(handler: Any) -> Any:
    """The server whose handler this is. Raises AttributeError or TypeError if it is not as uvicorn's was."""
    server = handler.__self__
    if not isinstance(server.should_exit, bool):
        raise TypeError("should_exit is no flag")
    return server


def _told_to_end(server: Any) -> bool:
    server.should_exit = True
    return True


def leave(number: int) -> None:
    """End the process now, with the exit code that a shell gives to one ended by this signal."""
    os._exit(128 + number)
