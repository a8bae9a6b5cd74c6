"""Decides which open calls may not go on: nobody watches, the limit is over, the day is used up, nobody answers.

It only writes; who looks at the session next tells Tavus, and believes that it has ended when Tavus says so.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import timedelta

from lib.models import CallLimits, Session, Status, Watch
from lib.services.calls.stopwatch import Stopwatch
from lib.services.calls.viewers import Viewers
from lib.services.calls.watchdog import go_on
from lib.services.ledger.ledger import Ledger
from lib.services.ledger.one_of_many import one_of_many
from lib.services.modes.mode import Modes
from lib.services.wording.plain import minutes
from lib.store import sessions as rows
from lib.store.sessions import OpenOne

log = logging.getLogger(__name__)

ANSWER_WITHIN_S = 90.0
"""After that long a start of another process is not being sent any more: its process has died."""

OVERTIME_S = 60.0
"""Tavus ends a call at its limit by itself. One that it forgot is ended this much later."""

WATCHED = (Watch.PAGE, Watch.API)
RUNNING = (Status.WAITING, Status.LIVE)


class Reaper:
    """One look at all open sessions. Ages are this process's own, so that no jump of a clock ends anything."""

    def __init__(
        self,
        ledger: Ledger,
        stopwatch: Stopwatch,
        viewers: Viewers,
        modes: Modes,
        limits: CallLimits,
        *,
        starting_here: Callable[[str], bool],
    ) -> None:
        self._ledger = ledger
        self._stopwatch = stopwatch
        self._viewers = viewers
        self._starting_here = starting_here
        self._modes = modes
        self._limits = limits

    def look(self, open_ones: Sequence[OpenOne]) -> None:
        for one in open_ones:
            if one.session.in_room:
                with one_of_many(f"session {one.session.id}"):
                    self._one(one)
        self._budget([one.session for one in open_ones if one.session.status in RUNNING])

    def _one(self, one: OpenOne) -> None:
        go_on()
        session = one.session
        sign = (one.seen_at, self._viewers.beats(session.id))
        unseen_s = self._stopwatch.of("seen", session.id, sign)
        if session.status is Status.STARTING:
            if not self._starting_here(session.id) and self._stopwatch.of("asked", session.id) >= ANSWER_WITHIN_S:
                self._ledger.interrupted(session.id)
        elif session.status is Status.UNKNOWN:
            self._announce(session)
        elif session.status in RUNNING:
            grace_s = self._limits.watch_grace_s
            if self._modes.of(session).lost_with(one.owner):
                # A viewer may still sit in its room, so that Tavus would bill it up to its limit.
                self._ledger.ending(session.id, "worker_lost", "It ended with the dashboard that had started it")
            elif self._stopwatch.of("running", session.id) >= session.max_call_s + OVERTIME_S:
                self._ledger.ending(session.id, "over_limit", "Tavus did not end it at its limit")
            elif session.watch in WATCHED and unseen_s >= grace_s:
                self._ledger.ending(session.id, "unwatched", f"No page showed it for {minutes(grace_s)}")

    def _announce(self, session: Session) -> None:
        """Until when it is looked for: this process's own horizon, which begins when it first saw the session."""
        if self._stopwatch.of("announced", session.id) > 0 or self._stopwatch.of("sought", session.id) > 0:
            return
        until = self._ledger.clock() + timedelta(seconds=self._limits.horizon_s)
        if session.checking_until is None or abs((until - session.checking_until).total_seconds()) > 1:
            with self._ledger.store.writing() as connection:
                rows.advance(connection, session.id, from_statuses=(Status.UNKNOWN,), checking_until=until)

    def _budget(self, running: Sequence[Session]) -> None:
        """What is reserved is never more than the day has left; this is for calls that came in another way."""
        if not running:
            return
        now = self._ledger.clock()
        today = now.replace(hour=0, minute=0, second=0, microsecond=0)
        with self._ledger.store.reading() as connection:
            usage = rows.usage(connection, self._ledger.account, today=today, recent=now, now=now, actor="")
        elapsed_s = sum(self._stopwatch.of("running", session.id) for session in running)
        if usage.used_s + elapsed_s < self._limits.minutes_a_day * 60:
            return
        for session in running:
            go_on()
            with one_of_many(f"session {session.id}"):
                self._ledger.ending(session.id, "over_budget", "The minutes of this day are used up")
