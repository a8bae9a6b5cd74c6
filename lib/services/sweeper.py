"""The thread that keeps open sessions in step with Tavus while nobody looks.

It asks only about sessions that are open, or that ended lately and whose record is not whole: with nothing open it
sends nothing. Before its first round it waits until this process answers requests (the embedded sandbox is part of
it), takes over what an earlier process left, and only then lets starts go out.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import datetime, timedelta

from lib.errors import GreenroomError, StoreRefused
from lib.models import Session, Status
from lib.services.ledger import Ledger
from lib.services.watching import Watching
from lib.store import sessions as rows

log = logging.getLogger(__name__)

RECORD_WITHIN = timedelta(minutes=10)
IDLE_ROUND_S = 30.0
TOGETHER_S = 0.1  # hints come in bunches, and the start that gave one is still being drawn


class Sweeper:
    """`open` starts the thread, `close` stops it; `ready` is set once starts may go out."""

    def __init__(
        self, ledger: Ledger, watching: Watching, *, interval_s: float, answering: Callable[[], bool] = lambda: True
    ) -> None:
        self.ready = threading.Event()
        self._ledger = ledger
        self._watching = watching
        self._interval_s = interval_s
        self._answering = answering
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._checked: dict[str, datetime] = {}
        self._thread: threading.Thread | None = None
        self._began = ledger.clock()

    def open(self) -> None:
        self._thread = threading.Thread(target=self._run, name="greenroom-sweeper", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._stop.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(2)

    def hint(self, session_id: str) -> None:
        """Something happened to this session: look at it now. Never trusts what the hint says."""
        self._checked.pop(session_id, None)
        self._wake.set()

    def round(self) -> None:
        """Check once whatever is due. One session's failure keeps none of the others from being checked."""
        now = self._ledger.clock()
        with self._ledger.store.reading() as connection:
            due = rows.open_ones(connection, self._ledger.account)
            due += rows.without_record(connection, self._ledger.account, now - RECORD_WITHIN)
        for session in due:
            if self._stop.is_set() or not self._due(session, now):
                continue
            self._checked[session.id] = now
            try:
                self._watching.check(session.id)
            except GreenroomError as error:
                log.warning("session %s could not be checked: %s", session.id, error.code)
            except Exception:
                log.exception("session %s could not be checked", session.id)
        self._checked = {session.id: self._checked[session.id] for session in due if session.id in self._checked}

    def _due(self, session: Session, now: datetime) -> bool:
        """Open ones each round; after the end ever less often, since a record may take minutes to be ready."""
        last = self._checked.get(session.id)
        if last is None or session.ended_at is None:
            return True
        since_end = (now - session.ended_at).total_seconds()
        return (now - last).total_seconds() >= max(self._interval_s, since_end / 5)

    def _run(self) -> None:
        while not self._answering():
            if self._stop.wait(0.05):
                return
        self._take_over()
        self.ready.set()
        while not self._stop.is_set():
            busy = False
            try:
                self.round()
                busy = bool(self._checked)
            except StoreRefused:
                pass
            except Exception:
                log.exception("a round of the sweeper failed")
            if self._wake.wait(self._interval_s if busy else IDLE_ROUND_S):
                self._stop.wait(min(TOGETHER_S, self._interval_s))
            self._wake.clear()

    def _take_over(self) -> None:
        """Starts of a process that died: whether they were sent is not known, so Tavus is asked."""
        try:
            for session in self._ledger.open():
                if session.status is Status.STARTING and session.created_at < self._began:
                    self._ledger.advance(
                        session.id,
                        "checking",
                        "Greenroom was restarted during the start",
                        from_statuses=(Status.STARTING,),
                        status=Status.UNKNOWN,
                    )
        except StoreRefused:
            log.warning("the database can't be used; starts will say so")
