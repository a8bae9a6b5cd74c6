"""What was just read from the database, kept for the next who asks: fifty open pages read it once."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from lib.store.database import Store

T = TypeVar("T")
KEPT_S = 2.0
MOST = 256


class TtlCache(Generic[T]):
    """Values by key. One is given again until this process writes anything, for 2 s at most: others may write too."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._values: dict[Hashable, tuple[int, float, T]] = {}

    def get(self, key: Hashable, read: Callable[[], T]) -> T:
        """The value of `key`, read anew if it may have changed. Raises what `read` raises, and keeps no failure."""
        self._store.check()
        writes, now = self._store.writes, time.monotonic()
        known = self._values.get(key)
        if known is not None and known[0] == writes and now - known[1] < KEPT_S:
            return known[2]
        value = read()
        if len(self._values) >= MOST:
            self._values.clear()
        self._values[key] = writes, now, value
        return value
