"""While Tavus is out of reach no start is sent: each would only leave one more call that may or may not exist."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import datetime

from lib.errors import Ambiguous, NotSent, UpstreamError

FAILURES = 3
PAUSE_S = 10.0


class Breaker:
    """Opens after three failures in a row to get any answer; the first answer closes it. Thread-safe.

    While it is open, one start in ten seconds may ask Tavus first, by a request that costs nothing.
    """

    def __init__(self, clock: Callable[[], datetime], monotonic: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._failures = 0
        self._since: datetime | None = None
        self._tried_at = 0.0
        self._why = ""

    def answered(self) -> None:
        """Tavus said something, be it a refusal."""
        with self._lock:
            self._failures, self._since = 0, None

    def failed(self, error: UpstreamError) -> None:
        """Tavus was asked. Only what is no answer counts as a failure."""
        if not isinstance(error, NotSent | Ambiguous):
            self.answered()
            return
        with self._lock:
            self._failures += 1
            self._since = self._since or self._clock()
            self._tried_at = self._monotonic()
            self._why = error.message

    @property
    def open(self) -> bool:
        return self._failures >= FAILURES

    def check(self, probe: Callable[[], object]) -> None:
        """Raises NotSent while Tavus is out of reach. `probe` asks it something; it raises UpstreamError."""
        with self._lock:
            if not self.open:
                return
            wait_s = self._tried_at + PAUSE_S - self._monotonic()
            if wait_s <= 0:
                self._tried_at = self._monotonic()
        if wait_s <= 0:
            try:
                probe()
            except UpstreamError as error:
                self.failed(error)
                if self.open:
                    raise self._refusal(PAUSE_S) from None
                return
            self.answered()
            return
        raise self._refusal(wait_s)

    def _refusal(self, wait_s: float) -> NotSent:
        since = f" since {self._since:%H:%M:%S} UTC" if self._since else ""
        return NotSent(
            f"Tavus has been out of reach{since}, so no call was asked for. The last try: {self._why}",
            code="tavus_out_of_reach",
            retry_after_s=wait_s,
            hint="",
            besides="Try again in a moment: Greenroom then looks whether Tavus answers. Text chat works meanwhile.",
        )
