"""The worker's voice: events on the real standard output, everything that libraries print on standard error."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from typing import Any

from lib.worker import BEAT_EVERY_S, Event, line_of


class Teller:
    """Writes events. `failed` holds the first error; whoever runs the pipeline waits for it."""

    def __init__(self) -> None:
        self._out = os.fdopen(os.dup(1), "w", encoding="utf-8", newline="\n")
        os.dup2(2, 1)
        sys.stdout = sys.stderr
        self._lock = threading.Lock()
        self.failed = asyncio.Event()

    def tell(self, kind: Event, /, **values: Any) -> None:
        """Thread-safe. Does nothing once nobody reads any more."""
        with self._lock:
            try:
                self._out.write(line_of(kind, values))
                self._out.flush()
            except (BrokenPipeError, OSError, ValueError):
                return

    def fail(self, code: str, message: str, /, **more: Any) -> None:
        """Say why this session can't go on. Only the first reason is told: the others follow from it."""
        if not self.failed.is_set():
            self.tell(Event.ERROR, code=code, message=message, **more)
            self.failed.set()

    async def beat(self) -> None:
        """Tell that it lives, until cancelled: a worker whose loop hangs falls silent."""
        while True:
            self.tell(Event.BEAT)
            await asyncio.sleep(BEAT_EVERY_S)
