"""Deletes records: one that a person wants gone, and all that are older than RETENTION_DAYS; at Tavus too if asked.

Here a record is gone at once. What is left of it in the files, and what Tavus has of it, is seen to in a thread of
its own and tried again until it is done, also by the next process.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

from lib.errors import Conflict, GreenroomError, NotFound
from lib.services.ledger.ledger import Ledger
from lib.store import removed
from lib.store.cache import TtlCache
from lib.store.scrub import scrub

log = logging.getLogger(__name__)

EVERY_S = 3_600.0
AGAIN_S = 600.0
TOGETHER, AT_TAVUS = 200, 50


class Retention:
    """The records of this database. `delete_at_tavus` is given a conversation's id; raises NotFound, UpstreamError."""

    def __init__(
        self,
        ledger: Ledger,
        delete_at_tavus: Callable[[str], None],
        *,
        days: int = 0,
        at_tavus: bool = False,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ledger = ledger
        self._days = days
        self._at_tavus = at_tavus
        self._delete_at_tavus = delete_at_tavus
        self._monotonic = monotonic
        self._next = monotonic()
        self._waiting: TtlCache[int] = TtlCache(ledger.store)
        self._stop = threading.Event()
        self._working = threading.Lock()
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="greenroom-retention")

    def delete(self, session_id: str, *, at_tavus: bool = False) -> None:
        """Delete one record for ever: its row, transcript, chat, timeline, impression, index. Its minutes still count.

        `at_tavus`: the conversation there too, as soon as Tavus lets it; recordings in one's own storage stay.
        Raises NotFound, Conflict (it is open).
        """
        session = self._ledger.get(session_id)
        if session.status.open:
            raise Conflict("This session is still open.", hint="End it first, then delete its record.")
        with self._ledger.store.writing() as connection:
            gone = removed.remove(connection, [session_id], at=self._ledger.clock(), at_tavus=at_tavus)
        if not gone:
            raise NotFound("This record was deleted meanwhile.")
        self._soon()

    def purge(self, now: datetime) -> int:
        """Delete what is older than RETENTION_DAYS, of every account; how many records that were. Raises StoreRefused.

        Afterwards nothing is left in the files of what was deleted, now or before.
        """
        store, count = self._ledger.store, 0
        while self._days and not self._stop.is_set():
            before = now - timedelta(days=self._days)
            with store.writing() as connection:
                old = removed.older(connection, before, limit=TOGETHER)
                count += removed.remove(connection, old, at=now, at_tavus=self._at_tavus)
            if len(old) < TOGETHER:
                break
        if count:
            log.info("deleted %d records older than %d days", count, self._days)
        with store.writing(durable=False) as connection:
            removed.forget(connection, now)
            traces = removed.traces(connection)
        if traces and scrub(store, self._stop.is_set):
            with store.writing(durable=False) as connection:
                removed.no_traces(connection, traces)
        return count

    def waiting(self) -> int:
        """How many records that were deleted here are still to be deleted at Tavus."""
        return self._waiting.get("", self._count)

    def tend(self) -> None:
        """Called often by the process that sweeps; once an hour it purges, in the background."""
        if self._monotonic() >= self._next:
            self._soon()

    def close(self) -> None:
        self._stop.set()
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _count(self) -> int:
        with self._ledger.store.reading() as connection:
            return removed.count_waiting(connection, self._ledger.account)

    def _soon(self) -> None:
        self._next = self._monotonic() + EVERY_S
        try:
            self._pool.submit(self._work)
        except RuntimeError:
            log.debug("the program ends; the next one goes on")

    def _work(self) -> None:
        for job in (lambda: self.purge(self._ledger.clock()), self._see_to_tavus):
            try:
                job()
            except GreenroomError as error:
                log.warning("old records could not be deleted yet: %s", error.code)
                self._next = min(self._next, self._monotonic() + AGAIN_S)
            except Exception:
                log.exception("old records could not be deleted")

    def _see_to_tavus(self) -> None:
        """Delete there what was deleted here and is still to go. Raises UpstreamError; the rest is tried again."""
        while not self._stop.is_set():
            with self._ledger.store.reading() as connection:
                waiting = removed.waiting(connection, self._ledger.account, limit=AT_TAVUS)
            if not waiting:
                return
            for session_id, conversation_id in waiting:
                try:
                    self._delete_at_tavus(conversation_id)
                except NotFound:
                    log.info("conversation %s was no longer at Tavus", conversation_id)
                with self._ledger.store.writing(durable=False) as connection:
                    removed.done_at_tavus(connection, session_id)
