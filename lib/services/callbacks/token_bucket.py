"""How often callbacks may make Greenroom ask Tavus about one session."""

from __future__ import annotations

import time
from collections.abc import Callable

BURST, AGAIN_S = 6, 2.0
REMEMBERED = 1_000


class TokenBucket:
    """Six looks at once, as a call's end may bring, then one every two seconds.

    What is held back is seen a little later: open sessions are asked about every SWEEP_INTERVAL_S anyway. Without it
    whoever sends many callbacks would have as many requests sent to Tavus.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._left: dict[str, tuple[float, float]] = {}

    def allows(self, session_id: str) -> bool:
        """Whether this session may be looked at now; counts as a look if so."""
        now = self._monotonic()
        left, at = self._left.get(session_id, (float(BURST), now))
        left = min(float(BURST), left + (now - at) / AGAIN_S)
        if len(self._left) >= REMEMBERED:
            self._left.clear()
        self._left[session_id] = (left - 1 if left >= 1 else left), now
        return left >= 1
