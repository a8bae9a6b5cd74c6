"""Keeps open sessions in step with Tavus while nobody looks, in one process of those that share a database.

Three threads. The pulse keeps the lease and sees who watches; it never waits for Tavus. The rounds ask Tavus, about
sessions that are open, or that ended lately and whose record is not whole; with nothing open that is two lists an
hour. The watchdog waits for nothing and sees that the rounds go on; where they can't, the lease is let go. Before its
first round this process must answer requests (the embedded sandbox is part of it); what an earlier process left is
taken over then, and only after that may starts go out.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from lib.errors import GreenroomError, StoreRefused
from lib.models import Session, Status
from lib.services.calls.background.lease import Lease
from lib.services.calls.background.reaper import Reaper
from lib.services.calls.background.reconciler import Reconciler
from lib.services.calls.background.recovery import Recovery
from lib.services.calls.gate import Gate
from lib.services.calls.monitor import Monitor
from lib.services.calls.starting import Starting
from lib.services.calls.stopwatch import Stopwatch
from lib.services.calls.viewers import Viewers
from lib.services.calls.watchdog import LISTS, Progress, StuckStep, Watchdog
from lib.services.ledger.ledger import Ledger, is_sought
from lib.store import sessions as rows

log = logging.getLogger(__name__)

RECORD_WITHIN_S = 600.0
RECOVERY_AGAIN_S = 60.0
SEVERAL = 2
LOOK, LIST = "the look at session", "the list of conversations"
TROUBLED_S, CLOSE_WITHIN_S = 15.0, 2.0
TOGETHER_S = 0.1  # hints come in bunches, and the start that gave one is still being drawn


@dataclass(frozen=True)
class BackgroundWatch:
    """How the sweeper goes: whether this process leads or stands by another one, whether it could lead, how long ago
    a round was finished, and what is stuck.
    """

    leads: bool
    stands_by: bool
    fit: bool
    finished_s: float | None
    stuck: tuple[StuckStep, ...]


class Sweeper:
    """`open` starts the threads, `close` stops them; the gate is ready once recovery was tried, here or by the leader.

    `chores` is what else the leader has to see to: called often, so it keeps its own time and never waits. `forget`
    drops what this process remembers of sessions that are over.
    """

    def __init__(
        self,
        ledger: Ledger,
        *,
        stopwatch: Stopwatch,
        lease: Lease,
        viewers: Viewers,
        gate: Gate,
        watchdog: Watchdog,
        recovery: Recovery,
        monitor: Monitor,
        reconciler: Reconciler,
        reaper: Reaper,
        starting: Starting,
        interval_s: float,
        pulse_s: float,
        answering: Callable[[], bool] = lambda: True,
        chores: Callable[[], None] = lambda: None,
        forget: Callable[[], None] = lambda: None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ledger = ledger
        self._stopwatch = stopwatch
        self._lease = lease
        self._viewers = viewers
        self._gate = gate
        self._watchdog = watchdog
        self._recovery = recovery
        self._monitor = monitor
        self._reconciler = reconciler
        self._reaper = reaper
        self._starting = starting
        self._interval_s = interval_s
        self._pulse_s = pulse_s
        self._answering = answering
        self._chores = chores
        self._forget = forget
        self._wake = threading.Event()
        self._pulsed = threading.Event()
        self._stop = threading.Event()
        self._hinting = threading.Lock()
        self._hinted: set[str] = set()
        self._followed: set[str] = set()
        self._checked: dict[str, float] = {}
        self._threads: list[threading.Thread] = []
        self._monotonic = monotonic
        self._finished_at: float | None = None
        self._pulsing = threading.Lock()
        self._recover_at = 0.0

    def open(self) -> None:
        for name, run in (("pulse", self._pulses), ("watchdog", self._looks)):
            self._threads.append(threading.Thread(target=run, name=f"greenroom-{name}", daemon=True))
        for thread in self._threads:
            thread.start()
        self._watchdog.keep_at(self._rounds, self._stuck)

    def close(self) -> None:
        for event in (self._stop, self._wake, self._pulsed):
            event.set()
        until = time.monotonic() + CLOSE_WITHIN_S
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))
        self._watchdog.join(max(0.0, until - time.monotonic()))
        try:
            self._lease.release()
        except GreenroomError:
            log.warning("the lease could not be given back; another process takes it over when it has lapsed")

    def hint(self, session_id: str) -> None:
        """Something happened to this session: look at it now. Never trusts what the hint says."""
        with self._hinting:
            self._hinted.add(session_id)
        self._wake.set()

    def pulse(self) -> bool:
        """One sign of life; True if this process leads. Raises StoreRefused, and then no time has passed.

        Who can't do the rounds does not lead: the lease is let go.
        """
        with self._pulsing:
            leads = self._watchdog.fit and self._lease.hold()
            if not leads:
                self._lease.release()
            self._stopwatch.tick()
            self._starting.write_down()
            self._viewers.look()
        return leads

    def state(self) -> BackgroundWatch:
        """How it goes, for Diagnostics. Asks nobody."""
        finished = self._finished_at
        return BackgroundWatch(
            leads=self._lease.leads,
            stands_by=self._lease.alive,
            fit=self._watchdog.fit,
            finished_s=None if finished is None else self._monotonic() - finished,
            stuck=self._watchdog.stuck,
        )

    def round(self) -> bool:
        """A pulse, then check once whatever is due; True while there is something to check. Raises StoreRefused."""
        self.pulse()
        return self._round(Progress())

    def _round(self, progress: Progress) -> bool:
        progress.step("the database")
        self._forget()
        with self._hinting:
            # Each is forgotten once its look begins: a round that gets stuck or fails before loses none.
            hinted = set(self._hinted)
        if not self._lease.leads:
            # What this process told of a session's trouble it has to take back itself.
            self._check_all(progress, hinted | self._monitor.in_trouble())
            self._checked.clear()
            self._followed.clear()
            self._stopwatch.keep(())
            self._viewers.keep_watched()
            return self._viewers.any or bool(self._monitor.in_trouble())
        if not self._recovery.done:
            self._try_to_recover(progress)
        progress.step("the database")
        now = self._ledger.clock()
        with self._ledger.store.reading() as connection:
            found = rows.open_calls(connection, self._ledger.account)
            since = now - timedelta(seconds=RECORD_WITHIN_S)
            ended = rows.without_record(connection, self._ledger.account, since, self._followed)
        ended = [session for session in ended if self._stopwatch.of("ended", session.id) < RECORD_WITHIN_S]
        self._followed = {one.session.id for one in found} | {session.id for session in ended}
        self._reaper.look(found)
        open_ones = [one.session for one in found]
        due = [session for session in open_ones + ended if session.id in hinted or self._due(session, now)]
        settled = [one for one in open_ones if not self._starting.busy(one.id)]
        seen = self._seen_to_run(progress, [one for one in due if one.id not in hinted], settled)
        asked = {one.id for one in due} - (seen or set())
        self._check_all(progress, [*(one.id for one in due if one.id in asked), *(hinted - asked)])
        if seen is None and self._begun(progress, LIST, times=LISTS):
            self._reconciler.due(settled)
        progress.step("the chores")
        self._chores()
        known = {session.id for session in open_ones + ended}
        self._checked = {name: at for name, at in self._checked.items() if name in known}
        self._stopwatch.keep(known)
        self._viewers.keep(known)
        self._monitor.keep(known)
        return bool(known)

    def _try_to_recover(self, progress: Progress) -> None:
        if self._stopwatch.now < self._recover_at or not self._begun(progress, LIST, times=LISTS):
            return
        try:
            self._recovery.run()
        except StoreRefused:
            raise
        except GreenroomError as error:
            self._recover_at = self._stopwatch.now + RECOVERY_AGAIN_S
            log.warning("what an earlier process left could not be looked for: %s", error.code)

    def _begun(self, progress: Progress, what: str, session_id: str = "", *, times: int = 1) -> bool:
        """Begin this step; False where a thread that was given up is stuck in the same one. Raises GivenUp."""
        if any((one.what, one.session_id) == (what, session_id) for one in self._watchdog.stuck):
            return False
        progress.step(what, session_id, times=times)
        return True

    def _stuck(self, step: StuckStep) -> None:
        if step.what == LOOK:
            self._monitor.give_up(step.session_id, step.for_s)

    def _check_all(self, progress: Progress, session_ids: list[str] | set[str]) -> None:
        """One session's failure keeps none of the others from being checked.

        Those in trouble, whose looks may each take as long as they are let, come last and have a limit together: who
        had no turn comes first the next time.
        """
        troubled, until = self._monitor.in_trouble(), self._monotonic() + TROUBLED_S
        for session_id in sorted(session_ids, key=lambda one: (one in troubled, self._checked.get(one, -1.0))):
            if self._stop.is_set() or (session_id in troubled and self._monotonic() > until):
                return
            if not self._begun(progress, LOOK, session_id):
                continue
            with self._hinting:
                self._hinted.discard(session_id)
            self._checked[session_id] = self._stopwatch.now
            try:
                self._monitor.check(session_id)
            except GreenroomError as error:
                log.warning("session %s could not be checked: %s", session_id, error.code)
            except Exception:
                log.exception("session %s could not be checked", session_id)

    def _seen_to_run(self, progress: Progress, due: list[Session], open_ones: list[Session]) -> set[str] | None:
        """The live calls that one list shows to be running still: several are not asked about one by one.

        None where no list was read.
        """
        live = [one for one in due if one.status is Status.LIVE and one.conversation_id and one.id in self._checked]
        if len(live) < SEVERAL or not self._begun(progress, LIST, times=LISTS):
            return None
        try:
            running = self._reconciler.look([one for one in open_ones if is_sought(one)])
        except GreenroomError:
            return None
        seen = {one.id for one in live if one.conversation_id in running}
        for session_id in seen:
            self._checked[session_id] = self._stopwatch.now
            self._monitor.eased(session_id)
        return seen

    def _due(self, session: Session, now: datetime) -> bool:
        """Open ones each round; after the end ever less often, since a record may take minutes to be ready."""
        if is_sought(session) or session.status is Status.STARTING:
            return False
        last = self._checked.get(session.id)
        if last is None or session.ended_at is None:
            return True
        since_end_s = (now - session.ended_at).total_seconds()
        return self._stopwatch.now - last >= max(self._interval_s, since_end_s / 5)

    def _pulses(self) -> None:
        stood: tuple[bool, bool] | None = None
        while not self._stop.is_set():
            self._watchdog.pulse.step("the pulse in the database")
            try:
                self.pulse()
            except StoreRefused:
                pass
            except Exception:
                log.exception("a pulse of the sweeper failed")
            self._watchdog.pulse.rest()
            self._pulsed.set()
            if stood not in (None, (self._lease.leads, self._lease.alive)):
                self._wake.set()
            stood = self._lease.leads, self._lease.alive
            self._stop.wait(self._pulse_s)

    def _looks(self) -> None:
        while not self._stop.wait(self._pulse_s):
            try:
                self._watchdog.look()
            except Exception:
                log.exception("a look of the watchdog failed")

    def _rounds(self, progress: Progress) -> None:
        self._pulsed.wait()
        while not self._stop.is_set() and not self._answering():
            self._stop.wait(0.05)
        while not self._stop.is_set():
            busy = False
            try:
                busy = self._round(progress)
                self._finished_at = self._monotonic()
            except StoreRefused:
                pass
            except Exception:
                log.exception("a round of the sweeper failed")
            progress.rest()
            if self._lease.leads or self._lease.alive:
                self._gate.ready.set()
            if self._wake.wait(self._interval_s if busy else self._pulse_s):
                self._stop.wait(min(TOGETHER_S, self._interval_s))
            self._wake.clear()
