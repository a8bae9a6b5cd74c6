"""Keeps open sessions in step with Tavus while nobody looks, in one process of those that share a database.

Two threads. The pulse keeps the lease and sees who watches; it never waits for Tavus. The rounds ask Tavus, about
sessions that are open, or that ended lately and whose record is not whole; with nothing open that is two lists an
hour. Before its first round this process must answer requests (the embedded sandbox is part of it); what an earlier
process left is taken over then, and only after that may starts go out.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import datetime, timedelta

from lib.errors import GreenroomError, NotSent, StoreRefused
from lib.models import Session, Status
from lib.services.calls.background.lease import Lease
from lib.services.calls.background.reaper import Reaper
from lib.services.calls.background.reconciler import Reconciler
from lib.services.calls.breaker import Breaker
from lib.services.calls.starting import Starting
from lib.services.calls.stopwatch import Stopwatch
from lib.services.calls.viewers import Viewers
from lib.services.calls.watching import Monitor
from lib.services.ledger.ledger import Ledger, is_sought
from lib.store import sessions as rows

log = logging.getLogger(__name__)

RECORD_WITHIN_S = 600.0
RECOVERY_AGAIN_S = 60.0
READY_WITHIN_S = 30.0
SEVERAL = 2
TOGETHER_S = 0.1  # hints come in bunches, and the start that gave one is still being drawn


class Sweeper:
    """`open` starts the threads, `close` stops them; `ready` is set once recovery was tried, here or by the leader.

    `chores` is what else the leader has to see to: called often, so it keeps its own time and never waits.
    """

    def __init__(
        self,
        ledger: Ledger,
        *,
        ages: Stopwatch,
        lease: Lease,
        viewers: Viewers,
        breaker: Breaker,
        watching: Monitor,
        reconciler: Reconciler,
        reaper: Reaper,
        starting: Starting,
        interval_s: float,
        pulse_s: float,
        answering: Callable[[], bool] = lambda: True,
        chores: Callable[[], None] = lambda: None,
    ) -> None:
        self.ready = threading.Event()
        self._ledger = ledger
        self._ages = ages
        self._lease = lease
        self._viewers = viewers
        self._breaker = breaker
        self._watching = watching
        self._reconciler = reconciler
        self._reaper = reaper
        self._starting = starting
        self._interval_s = interval_s
        self._pulse_s = pulse_s
        self._answering = answering
        self._chores = chores
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._hinting = threading.Lock()
        self._hinted: set[str] = set()
        self._followed: set[str] = set()
        self._checked: dict[str, float] = {}
        self._threads: list[threading.Thread] = []
        self._pulsing = threading.Lock()
        self._recovering = threading.Lock()
        self._recovered_in = 0
        self._recover_at = 0.0

    def open(self) -> None:
        for name, run in (("pulse", self._pulses), ("sweeper", self._rounds)):
            self._threads.append(threading.Thread(target=run, name=f"greenroom-{name}", daemon=True))
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        self._stop.set()
        self._wake.set()
        for thread in self._threads:
            thread.join(2)
        try:
            self._lease.release()
        except GreenroomError:
            log.warning("the lease could not be given back; another process takes it over when it has lapsed")

    def hint(self, session_id: str) -> None:
        """Something happened to this session: look at it now. Never trusts what the hint says."""
        with self._hinting:
            self._hinted.add(session_id)
        self._wake.set()

    def permit(self) -> None:
        """Whether a start may be sent. Raises UpstreamError, in which case nothing was sent.

        Not before what an earlier process may have left was looked for, and not while Tavus is out of reach.
        """
        if not self.ready.wait(READY_WITHIN_S):
            raise NotSent("Greenroom has not finished starting up.", hint="Try again in a moment.")
        if self._lease.leads and not self._recovered:
            self._recover()
        self._breaker.check(self._reconciler.probe)

    def pulse(self) -> bool:
        """One sign of life; True if this process leads. Raises StoreRefused, and then no time has passed."""
        with self._pulsing:
            leads = self._lease.hold()
            self._ages.tick()
            self._starting.write_down()
            self._viewers.look()
        return leads

    def round(self) -> bool:
        """Check once whatever is due; True while there is something to check. Raises StoreRefused."""
        self.pulse()
        with self._hinting:
            hinted, self._hinted = self._hinted, set()
        if not self._lease.leads:
            # What this process told of a session's trouble it has to take back itself.
            self._check_all(hinted | self._watching.in_trouble())
            self._checked.clear()
            self._ages.keep(())
            return self._viewers.any or bool(self._watching.in_trouble())
        if not self._recovered:
            self._try_to_recover()
        now = self._ledger.clock()
        with self._ledger.store.reading() as connection:
            found = rows.open_calls(connection, self._ledger.account)
            since = now - timedelta(seconds=RECORD_WITHIN_S)
            ended = rows.without_record(connection, self._ledger.account, since, self._followed)
        ended = [session for session in ended if self._ages.of("ended", session.id) < RECORD_WITHIN_S]
        self._followed = {one.session.id for one in found} | {session.id for session in ended}
        self._reaper.look(found)
        open_ones = [one.session for one in found]
        due = [session for session in open_ones + ended if session.id in hinted or self._due(session, now)]
        settled = [one for one in open_ones if not self._starting.busy(one.id)]
        seen = self._seen_to_run([one for one in due if one.id not in hinted], settled)
        asked = {one.id for one in due} - (seen or set())
        self._check_all([*(one.id for one in due if one.id in asked), *(hinted - asked)])
        if seen is None:
            self._reconciler.due(settled)
        self._chores()
        known = {session.id for session in open_ones + ended}
        self._checked = {name: at for name, at in self._checked.items() if name in known}
        self._ages.keep(known)
        self._viewers.keep(known)
        return bool(known)

    @property
    def _recovered(self) -> bool:
        return self._recovered_in == self._lease.epoch

    def _recover(self) -> None:
        """What the leader before us may have left: starts without an outcome, calls without a session."""
        with self._recovering:
            if self._recovered:
                return
            epoch = self._lease.epoch
            self._reaper.left_over(self._lease.before)
            self._reconciler.look([session for session in self._ledger.open() if is_sought(session)])
            self._recovered_in = epoch

    def _try_to_recover(self) -> None:
        if self._ages.now < self._recover_at:
            return
        try:
            self._recover()
        except StoreRefused:
            raise
        except GreenroomError as error:
            self._recover_at = self._ages.now + RECOVERY_AGAIN_S
            log.warning("what an earlier process left could not be looked for: %s", error.code)

    def _check_all(self, session_ids: list[str] | set[str]) -> None:
        """One session's failure keeps none of the others from being checked."""
        for session_id in session_ids:
            if self._stop.is_set():
                return
            self._checked[session_id] = self._ages.now
            try:
                self._watching.check(session_id)
            except GreenroomError as error:
                log.warning("session %s could not be checked: %s", session_id, error.code)
            except Exception:
                log.exception("session %s could not be checked", session_id)

    def _seen_to_run(self, due: list[Session], open_ones: list[Session]) -> set[str] | None:
        """The live calls that one list shows to be running still: several are not asked about one by one.

        None where no list was read.
        """
        live = [one for one in due if one.status is Status.LIVE and one.conversation_id and one.id in self._checked]
        if len(live) < SEVERAL:
            return None
        try:
            running = self._reconciler.look([one for one in open_ones if is_sought(one)])
        except GreenroomError:
            return None
        seen = {one.id for one in live if one.conversation_id in running}
        for session_id in seen:
            self._checked[session_id] = self._ages.now
            self._watching.eased(session_id)
        return seen

    def _due(self, session: Session, now: datetime) -> bool:
        """Open ones each round; after the end ever less often, since a record may take minutes to be ready."""
        if is_sought(session) or session.status is Status.STARTING:
            return False
        last = self._checked.get(session.id)
        if last is None or session.ended_at is None:
            return True
        since_end_s = (now - session.ended_at).total_seconds()
        return self._ages.now - last >= max(self._interval_s, since_end_s / 5)

    def _pulses(self) -> None:
        while not self._stop.wait(self._pulse_s):
            try:
                self.pulse()
            except StoreRefused:
                pass
            except Exception:
                log.exception("a pulse of the sweeper failed")

    def _rounds(self) -> None:
        while not self._answering():
            if self._stop.wait(0.05):
                return
        while not self._stop.is_set():
            busy = False
            try:
                busy = self.round()
            except StoreRefused:
                pass
            except Exception:
                log.exception("a round of the sweeper failed")
            if self._lease.leads or self._lease.alive:
                self.ready.set()
            if self._wake.wait(self._interval_s if busy else self._pulse_s):
                self._stop.wait(min(TOGETHER_S, self._interval_s))
            self._wake.clear()
