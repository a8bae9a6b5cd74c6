"""Who watches which call: tabs that show it, and callers of the API that ask about it.

What is known here is in memory and costs nothing; now and then it is written down, for the process that sweeps.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime

from lib.services.calls.stopwatch import Stopwatch
from lib.store import sessions as rows
from lib.store.database import Store


@dataclass(eq=False)
class _Tab:
    session_id: str
    connected: Callable[[], bool]


@dataclass
class _Seen:
    """`beats` counts the looks at which somebody was there; `written_at` is in seconds of the stopwatch."""

    beats: int = 0
    written_at: float | None = None


@dataclass
class Viewers:
    """The viewers of this process. `write_every_s` is how old what others read may be. Thread-safe."""

    store: Store
    stopwatch: Stopwatch
    clock: Callable[[], datetime]
    write_every_s: float
    _tabs: dict[str, _Tab] = field(default_factory=dict)
    _glimpsed: set[str] = field(default_factory=set)
    _seen: dict[str, _Seen] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def follow(self, tab: str, session_id: str, connected: Callable[[], bool]) -> None:
        """This tab shows that session from now on, for as long as it is `connected`."""
        with self._lock:
            self._tabs[tab] = _Tab(session_id, connected)
            self._glimpsed.add(session_id)

    def leave(self, tab: str) -> None:
        """This tab shows no session any more."""
        with self._lock:
            self._tabs.pop(tab, None)

    def glimpse(self, session_id: str) -> None:
        """Somebody asked about it just now."""
        with self._lock:
            self._glimpsed.add(session_id)

    @property
    def any(self) -> bool:
        return bool(self._tabs or self._glimpsed)

    def look(self) -> None:
        """See who is there, and write down whom another process can't know of yet. Raises StoreRefused."""
        with self._lock:
            tabs = list(self._tabs.items())
            present, self._glimpsed = self._glimpsed, set()
        gone = [(name, tab) for name, tab in tabs if not tab.connected()]
        present = present | {tab.session_id for name, tab in tabs if (name, tab) not in gone}
        with self._lock:
            for name, tab in gone:
                if self._tabs.get(name) is tab:
                    del self._tabs[name]
            for session_id in present:
                self._seen.setdefault(session_id, _Seen()).beats += 1
        self._write(present)

    def beats(self, session_id: str) -> int:
        """Grows as long as somebody of this process watches the session."""
        seen = self._seen.get(session_id)
        return seen.beats if seen else 0

    def keep(self, session_ids: Collection[str]) -> None:
        """Forget who watched other sessions."""
        with self._lock:
            self._seen = {name: seen for name, seen in self._seen.items() if name in session_ids}

    def keep_watched(self) -> None:
        """Forget who watched what nobody watches now: another process leads, and goes by what is written down."""
        with self._lock:
            watched = {tab.session_id for tab in self._tabs.values()} | self._glimpsed
        self.keep(watched)

    def _write(self, present: set[str]) -> None:
        now = self.stopwatch.now
        with self._lock:
            seen = {session_id: self._seen[session_id] for session_id in present}
        due = {
            session_id: known
            for session_id, known in seen.items()
            if known.written_at is None or now - known.written_at >= self.write_every_s
        }
        if not due:
            return
        with self.store.writing(durable=False) as connection:
            rows.see(connection, due, self.clock())
        for known in due.values():
            known.written_at = now
