"""The sandbox's own time: the machine's, until the control plane moves or stops it."""

from __future__ import annotations

import threading
import time
from typing import Any


class Clock:
    """Unix seconds that can be moved forward, set and frozen. Thread-safe.

    Timers of conversations (absent, left, longest call) and the progress of a replica's training and of a document
    follow it. Delays that stand for the network (a replica joins, a transcript is ready) stay in real time.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._offset_s = 0.0
        self._frozen_at: float | None = None

    def now(self) -> float:
        with self._lock:
            return self._now()

    @property
    def frozen(self) -> bool:
        return self._frozen_at is not None

    def advance(self, seconds: float) -> None:
        """Move by `seconds`; a frozen clock stays frozen at the new time."""
        with self._lock:
            if self._frozen_at is None:
                self._offset_s += seconds
            else:
                self._frozen_at += seconds

    def set(self, now: float) -> None:
        with self._lock:
            if self._frozen_at is None:
                self._offset_s = now - time.time()
            else:
                self._frozen_at = now

    def freeze(self) -> None:
        with self._lock:
            self._frozen_at = self._now()

    def resume(self) -> None:
        """Run on from where it was frozen."""
        with self._lock:
            if self._frozen_at is not None:
                self._offset_s = self._frozen_at - time.time()
                self._frozen_at = None

    def reset(self) -> None:
        with self._lock:
            self._offset_s, self._frozen_at = 0.0, None

    def dump(self) -> dict[str, Any]:
        """What `load` needs to go on from here after a restart."""
        with self._lock:
            return {"offset_s": self._offset_s, "frozen_at": self._frozen_at}

    def load(self, dumped: dict[str, Any]) -> None:
        with self._lock:
            self._offset_s = float(dumped.get("offset_s") or 0.0)
            frozen_at = dumped.get("frozen_at")
            self._frozen_at = None if frozen_at is None else float(frozen_at)

    def _now(self) -> float:
        return time.time() + self._offset_s if self._frozen_at is None else self._frozen_at
