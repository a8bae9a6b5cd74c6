"""Compares Tavus's list of conversations with our sessions: finds what a lost answer hid, ends what nobody asked for.

A list can only show what is there. That something is not there is believed after the horizon, from two complete
lists that began after it; a list that fails, or that came in part, concludes nothing.
"""

from __future__ import annotations

import logging
import threading
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from lib.errors import GreenroomError, UpstreamError
from lib.models import Conversation, Session, Status
from lib.services.calls.breaker import Breaker
from lib.services.calls.claims import Claims
from lib.services.calls.monitor import Monitor
from lib.services.calls.stopwatch import Stopwatch
from lib.services.calls.watchdog import go_on, held
from lib.services.ledger import outcome
from lib.services.ledger.ledger import Ledger, is_sought
from lib.services.ledger.one_of_many import one_of_many
from lib.services.modes.phoenix import PhoenixRest
from lib.store import sessions as rows

log = logging.getLogger(__name__)

BUSY_S, IDLE_S, AFTER_FAILURE_S = 60.0, 3600.0, 60.0
"""Seconds between two lists: while calls are open, while nothing runs, and after one that failed."""

LATE_S = 900.0
"""For how long after a start was given up it is looked for in every round."""

RECENT = timedelta(days=1)
"""An ended conversation without a session is written down if it is younger; an older one was forgotten on purpose."""

LONGEST = timedelta(hours=1)
"""No call lasts longer: Tavus's documentation, call duration and timeouts, allows a `max_call_duration` of 3600 s."""

EARLIEST = datetime.min.replace(tzinfo=UTC)


class Reconciler:
    """One pass is one or two lists. Raises nothing for a list that fails: what was not seen is not concluded."""

    def __init__(
        self,
        ledger: Ledger,
        phoenix: PhoenixRest,
        claims: Claims,
        monitor: Monitor,
        stopwatch: Stopwatch,
        breaker: Breaker,
        horizon_s: float,
    ) -> None:
        self._ledger = ledger
        self._phoenix = phoenix
        self._claims = claims
        self._monitor = monitor
        self._stopwatch = stopwatch
        self._breaker = breaker
        self._horizon_s = horizon_s
        self._one_at_a_time = threading.RLock()
        self._last: float | None = None
        self._last_ended: float | None = None
        self._newest: datetime | None = None
        self._not_whole_until = 0.0
        self._failed = False
        self._late: dict[str, float] = {}

    def due(self, open_ones: Sequence[Session]) -> None:
        """A pass, if it is time for one."""
        sought = [session for session in open_ones if is_sought(session)]
        self._late = {name: at for name, at in self._late.items() if self._stopwatch.now - at < LATE_S}
        if not sought and not self._late and self._last is not None:
            every_s = AFTER_FAILURE_S if self._failed else BUSY_S if _calls(open_ones) else IDLE_S
            if self._stopwatch.now - self._last < every_s:
                return
        try:
            self.look(sought)
        except GreenroomError as error:
            log.warning("the list of conversations could not be read: %s", error.code)

    def look(self, sought: Sequence[Session] = ()) -> set[str]:
        """Read the list and act on it; the ids of what runs. Raises UpstreamError.

        `sought`: sessions whose conversation is not known.
        """
        with held(self._one_at_a_time, "Another look at the list of conversations has not ended yet."):
            horizon_s = self._horizon_s
            age_s = {session.id: self._stopwatch.of("sought", session.id) for session in sought}
            expired = [session for session in sought if age_s[session.id] >= horizon_s]
            if self._stopwatch.now < self._not_whole_until:
                expired = []
            self._last, self._failed = self._stopwatch.now, True
            try:
                listing = self._phoenix.every() if expired else self._phoenix.running()
                conversations = [*listing, *([] if expired else self._ended(listing))]
            except UpstreamError as error:
                self._breaker.failed(error)
                for session in sought:
                    self._monitor.troubled(session.id, error)
                raise
            finally:
                go_on()
            self._failed = False
            self._breaker.answered()
            for session in sought:
                self._monitor.eased(session.id)
            named = self._match(conversations)
            absent = [session for session in expired if session.id not in named]
            nameless = any(one.active and not one.name for one in listing)
            if listing.complete and not nameless:
                self._give_up(absent)
            elif absent:
                self._not_whole_until = self._stopwatch.now + BUSY_S
                self._outlived([one for one in absent if age_s[one.id] >= horizon_s + one.max_call_s])
            return {conversation.id for conversation in listing if conversation.active}

    def probe(self) -> None:
        """Ask Tavus the smallest thing. Raises UpstreamError."""
        self._phoenix.lately_ended()

    def _ended(self, running: Iterable[Conversation]) -> list[Conversation]:
        """Those that ended, at first and now and then: a call may have ended by itself between two lists.

        At first as far back as they are written down, later as far as one can lie that was not there the time before.
        """
        every_s = BUSY_S if self._late else IDLE_S
        if self._last_ended is not None and self._stopwatch.now - self._last_ended < every_s:
            return []
        since = self._newest - LONGEST if self._newest else self._ledger.clock() - RECENT
        found = self._phoenix.lately_ended(since)
        self._last_ended = self._stopwatch.now
        # By Tavus's own clock: ours may be set back or forth between two lists.
        made = [one.created_at for one in (*running, *found) if one.created_at is not None]
        self._newest = max(made, default=self._newest)
        return found

    def _match(self, conversations: Iterable[Conversation]) -> set[str]:
        """Give each of our conversations to its session; the sessions that were named."""
        ours: dict[str, list[Conversation]] = defaultdict(list)
        for conversation in conversations:
            session_id = self._ledger.id_in(conversation.name)
            if session_id:
                ours[session_id].append(conversation)
        with self._ledger.store.reading() as connection:
            held = rows.holders(connection, [one.id for group in ours.values() for one in group])
        for session_id, group in ours.items():
            for conversation in sorted((one for one in group if one.id not in held), key=_oldest_running_first):
                with one_of_many(f"conversation {conversation.id}"):
                    self._take(session_id, conversation)
        return set(ours)

    def _take(self, session_id: str, conversation: Conversation) -> None:
        """One that no session holds yet."""
        go_on()
        made = conversation.created_at
        if not conversation.active and (made is None or made < self._ledger.clock() - RECENT):
            with self._ledger.store.reading() as connection:
                if rows.account_of(connection, session_id) is None:
                    return
        holder = self._claims.found(session_id, conversation)
        if not holder:
            return
        log.warning("conversation %s was found at Tavus and belongs to session %s", conversation.id, holder)
        try:
            self._monitor.check(holder)
        except GreenroomError as error:
            log.warning("session %s could not be checked: %s", holder, error.code)

    def _give_up(self, sessions: Iterable[Session]) -> None:
        """These were not among all conversations of the account, for the second time."""
        for session in sessions:
            if self._stopwatch.of("absent", session.id) > 0:
                self._over(session, "not_created")

    def _outlived(self, sessions: Iterable[Session]) -> None:
        """Tavus's list never comes whole, but a call that was made has reached its own limit by now."""
        for session in sessions:
            self._over(session, "never_found")

    def _over(self, session: Session, code: str) -> None:
        go_on()
        with one_of_many(f"session {session.id}"):
            self._write_over(session, code)

    def _write_over(self, session: Session, code: str) -> None:
        row = outcome.OUTCOMES[code]
        if session.status is Status.ENDING:
            self._ledger.ended(session, code)
        else:
            self._ledger.advance(
                session.id,
                code,
                from_statuses=(Status.UNKNOWN,),
                status=Status.FAILED,
                ended_at=self._ledger.clock(),
                checking_until=None,
                reason=row.sentence,
                reason_code=code,
                reason_hint=row.hint,
            )
        self._late[session.id] = self._stopwatch.now


def _calls(sessions: Sequence[Session]) -> bool:
    return any(session.conversation_id or is_sought(session) for session in sessions)


def _oldest_running_first(conversation: Conversation) -> tuple[bool, datetime, str]:
    return not conversation.active, conversation.created_at or EARLIEST, conversation.id
