"""Deletes records: one that a person wants gone, and all that are older than RETENTION_DAYS; at Tavus too if asked.

Here a record is gone at once. What is left of it in the files, and what Tavus has of it, is seen to in a thread of
its own and tried again until it is done, also by the next process. One that can't be deleted waits behind the others.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

from lib.errors import (
    BadInput,
    Conflict,
    GreenroomError,
    NotFound,
    NotSent,
    RateLimited,
    StoreRefused,
    UpstreamRejected,
)
from lib.services.ledger.ledger import Ledger
from lib.services.ledger.one_of_many import one_of_many
from lib.store import removed
from lib.store.cache import TtlCache
from lib.store.removed import AtTavus
from lib.store.scrub import scrub

log = logging.getLogger(__name__)

EVERY_S = 3_600.0
AGAIN_S = 600.0
TOGETHER, AT_TAVUS = 200, 50
AT_FIRST, AT_MOST = timedelta(minutes=10), timedelta(days=1)
"""How long one waits that Tavus refused once; each further time twice as long, up to a day."""
OF_ITS_OWN = (UpstreamRejected, BadInput)
SHOWN = 50
IN_A_ROW = 5
"""So many failures that may not be those of one conversation end a go: a wrong key is not shown a thousand times."""


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
        self._begun = False
        self._waiting: TtlCache[int] = TtlCache(ledger.store)
        self._refused: TtlCache[tuple[AtTavus, ...]] = TtlCache(ledger.store)
        self._stop = threading.Event()
        self._working = threading.Lock()
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="greenroom-retention")

    def delete(self, session_id: str, *, at_tavus: bool = False, actor: str = "") -> None:
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
        store = self._ledger.store
        count = self._remove_old(now) if self._days else 0
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

    def refused(self) -> tuple[AtTavus, ...]:
        """Those of them that could not be deleted there at the last try, with the reason; SHOWN at most."""
        return self._refused.get("", self._read_refused)

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

    def _read_refused(self) -> tuple[AtTavus, ...]:
        with self._ledger.store.reading() as connection:
            return tuple(removed.refused(connection, self._ledger.account, limit=SHOWN))

    def _remove_old(self, now: datetime) -> int:
        """Portion by portion; one that can't be deleted is left where it is. Raises StoreRefused."""
        before, count, left = now - timedelta(days=self._days), 0, set[str]()
        while not self._stop.is_set():
            with self._ledger.store.reading() as connection:
                old = removed.older(connection, before, limit=TOGETHER, but=left)
            gone = self._remove(old, now)
            if gone is None:
                each = {session_id: self._remove([session_id], now) for session_id in old}
                left |= {session_id for session_id, one in each.items() if one is None}
                gone = sum(one or 0 for one in each.values())
            count += gone
            if len(old) < TOGETHER:
                break
        return count

    def _remove(self, session_ids: list[str], now: datetime) -> int | None:
        """How many were deleted; None where one of them can't be."""
        at_tavus = self._at_tavus
        with one_of_many(f"{len(session_ids)} old records"), self._ledger.store.writing() as connection:
            return removed.remove(connection, session_ids, at=now, at_tavus=at_tavus)
        return None

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
        """Delete there what was deleted here and is still to go. Raises NotSent, RateLimited, StoreRefused.

        One that Tavus refuses waits by itself, ever longer, and the others go on.
        """
        if not self._begun:
            # Whoever starts Greenroom anew may have mended what was in the way.
            with self._ledger.store.writing(durable=False) as connection:
                removed.wait_no_longer(connection, self._ledger.account)
            self._begun = True
        in_a_row = 0
        while not self._stop.is_set():
            now, moved = self._ledger.clock(), False
            with self._ledger.store.reading() as connection:
                waiting = removed.waiting(connection, self._ledger.account, now, limit=AT_TAVUS)
            for one in waiting:
                error = self._asked_to_delete(one)
                with one_of_many(f"conversation {one.conversation_id}"):
                    self._write_outcome(one, error, now)
                    moved = True
                in_a_row = 0 if error is None or isinstance(error, OF_ITS_OWN) else in_a_row + 1
                if in_a_row >= IN_A_ROW or self._stop.is_set():
                    return
            if not moved:
                return

    def _asked_to_delete(self, one: AtTavus) -> GreenroomError | None:
        """Why it could not be deleted there, None if it is gone. Raises what any other would meet as well."""
        try:
            self._delete_at_tavus(one.conversation_id)
        except NotFound:
            log.info("conversation %s was no longer at Tavus", one.conversation_id)
        except (NotSent, RateLimited, StoreRefused):
            raise
        except GreenroomError as error:
            log.warning("conversation %s could not be deleted at Tavus yet: %s", one.conversation_id, error.code)
            return error
        except Exception:
            log.exception("conversation %s could not be deleted at Tavus yet", one.conversation_id)
            return BadInput("Greenroom failed on it; the server's log says more.")
        return None

    def _write_outcome(self, one: AtTavus, error: GreenroomError | None, now: datetime) -> None:
        with self._ledger.store.writing(durable=False) as connection:
            if error is None:
                removed.done_at_tavus(connection, one.session_id)
                return
            wait = min(AT_FIRST * 2 ** min(one.tries, 10), AT_MOST)
            removed.put_off(connection, one.session_id, now + wait, error.message)
        self._next = min(self._next, self._monotonic() + AGAIN_S)
