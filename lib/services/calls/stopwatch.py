"""How long something has stood as it is, by a clock that nobody can set.

The wall clock may jump by an hour, and a process may be stopped and go on later: neither may end calls or give up a
start. So ages are sums of the steps between two looks, each step of a few seconds at most, and they begin when this
process first saw the thing. They are never longer than the truth.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Hashable


class Stopwatch:
    """Seconds during which this process really looked. Thread-safe."""

    def __init__(self, *, longest_step_s: float, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._longest_step_s = longest_step_s
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._last = monotonic()
        self._now = 0.0
        self._since: dict[tuple[str, str], tuple[Hashable, float]] = {}

    @property
    def now(self) -> float:
        """Seconds looked at so far."""
        return self._now

    def tick(self) -> None:
        """Look: what passed since the last look counts, up to the longest step."""
        with self._lock:
            at = self._monotonic()
            self._now += max(0.0, min(at - self._last, self._longest_step_s))
            self._last = at

    def of(self, what: str, session_id: str, mark: Hashable = None) -> float:
        """For how long `what` of this session has had the same `mark`: 0 when it is seen for the first time."""
        with self._lock:
            key = (what, session_id)
            known = self._since.get(key)
            if known is None or known[0] != mark:
                self._since[key] = (mark, self._now)
                return 0.0
            return self._now - known[1]

    def forget(self, what: str, session_id: str) -> None:
        """Let it begin anew when it is seen again."""
        with self._lock:
            self._since.pop((what, session_id), None)

    def keep(self, session_ids: Collection[str]) -> None:
        """Forget all other sessions."""
        with self._lock:
            self._since = {key: value for key, value in self._since.items() if key[1] in session_ids}
