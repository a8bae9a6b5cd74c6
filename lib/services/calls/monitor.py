"""Looks at one session's conversation at Tavus and writes what holds: the only place that learns from Tavus."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from weakref import WeakValueDictionary

from lib.errors import Ambiguous, NotFound, NotSent, RateLimited, UpstreamError
from lib.models import CallLimits, Conversation, Session, Status
from lib.services.calls import reading
from lib.services.calls.breaker import Breaker
from lib.services.calls.stopwatch import Stopwatch
from lib.services.calls.watchdog import go_on, held
from lib.services.calls.worker_events import LOST
from lib.services.ledger.ledger import OPEN, Ledger
from lib.services.modes.mode import Modes
from lib.store import sessions as rows

log = logging.getLogger(__name__)

UNHEARD = {"worker_lost", "worker_unheard"}
"""Why a call ended whose dashboard had died: what was said last in it nobody heard."""


@dataclass(frozen=True)
class Trouble:
    """Since when Tavus could not be asked about a session, why, and what to do. Kept in memory only."""

    message: str
    hint: str
    since: datetime


class _Turnstile:
    """Lets one thread at a time look at a session; forgotten when nobody does."""

    def __init__(self) -> None:
        self.lock = threading.RLock()


class Monitor:
    """Checks sessions. Every method can be called at any time, twice, and by two threads: one waits for the other, for
    a while.

    `written` says of a session whether all that its worker told this process stands in the database.
    """

    def __init__(
        self,
        ledger: Ledger,
        modes: Modes,
        stopwatch: Stopwatch,
        breaker: Breaker,
        limits: CallLimits,
        *,
        written: Callable[[str], bool] = lambda session_id: True,
    ) -> None:
        self._ledger = ledger
        self._modes = modes
        self._stopwatch = stopwatch
        self._breaker = breaker
        self._limits = limits
        self._written = written
        self._looking: WeakValueDictionary[str, _Turnstile] = WeakValueDictionary()
        self._door = threading.Lock()
        self._troubles: dict[str, Trouble] = {}

    def trouble(self, session_id: str) -> Trouble | None:
        """What keeps this session from being checked, None while all is well. Asks nobody."""
        return self._troubles.get(session_id)

    def in_trouble(self) -> set[str]:
        """The sessions that could not be checked the last time."""
        return set(self._troubles)

    def check(self, session_id: str) -> None:
        """Bring one session in step with Tavus: at most two requests. Raises UpstreamError; then nothing changed.

        A session whose conversation is not known is no matter of one request: the reconciler looks for it.
        """
        with self._door:
            turnstile = self._looking.setdefault(session_id, _Turnstile())
        try:
            with held(turnstile.lock, "Another look at this session has not ended yet."):
                self._check_alone(session_id)
        finally:
            # The traceback of what is raised here would keep it.
            del turnstile

    def _check_alone(self, session_id: str) -> None:
        try:
            session = self._ledger.get(session_id)
        except NotFound:
            self.eased(session_id)
            raise
        try:
            self._check(session)
        except UpstreamError as error:
            self._breaker.failed(error)
            if session.status.open:
                self.troubled(session_id, error)
            else:
                # What is missing is its record only, and that is asked for by whoever leads.
                self.eased(session_id)
            raise
        if session.conversation_id:
            self._breaker.answered()
            self.eased(session_id)

    def troubled(self, session_id: str, error: UpstreamError) -> None:
        """Tavus could not be asked about this session."""
        known = self._troubles.get(session_id)
        if known is None and not isinstance(error, NotSent | Ambiguous | RateLimited):
            log.error("session %s can't be looked after: %s", session_id, error.message)
        since = known.since if known else self._ledger.clock()
        self._troubles[session_id] = Trouble(error.message, error.advice, since)

    def eased(self, session_id: str) -> None:
        """Tavus could be asked about this session again."""
        self._troubles.pop(session_id, None)

    def give_up(self, session_id: str, for_s: float) -> None:
        """A look at this session does not come back. Nobody waits for it any more, and nothing is done with it."""
        with self._door:
            self._looking.pop(session_id, None)
        told = f"Greenroom's last look at this session has been stuck for {for_s:.0f} s and was given up."
        self.troubled(session_id, Ambiguous(told, code="look_stuck", hint="End it here, or restart Greenroom."))

    def keep(self, session_ids: Collection[str]) -> None:
        """Forget the troubles of all other sessions."""
        for session_id in self.in_trouble() - set(session_ids):
            self.eased(session_id)

    def _check(self, session: Session) -> None:
        idle_s = self._modes.of(session).idle_s
        if idle_s is not None:
            self._check_idle(session, idle_s)
        elif session.conversation_id:
            self._check_call(session)

    def _check_call(self, session: Session) -> None:
        try:
            conversation = self._look(session)
        except NotFound:
            if session.status.open:
                self._missing(session)
                return
            raise
        self._stopwatch.forget("missing", session.id)
        seen = reading.read(conversation)
        if conversation.active and conversation.url and self._moved(session, conversation):
            # The embedded sandbox's rooms move with our own port.
            with self._ledger.store.writing() as connection:
                rows.advance(connection, session.id, conversation_url=conversation.url)
        if seen.joined_at and session.status is Status.WAITING:
            self._ledger.advance(
                session.id,
                "replica_joined",
                from_statuses=(Status.WAITING,),
                at=seen.joined_at,
                status=Status.LIVE,
                live_at=seen.joined_at,
            )
        if not conversation.active:
            self._ledger.ended(session, seen.end_code or "ended_at_tavus", seen.ended_at)
        elif session.status is Status.ENDING:
            self._modes.end(session)
        self._keep_record(session, seen)

    def _look(self, session: Session) -> Conversation:
        """What Tavus says now: of no use to a thread that was given up while it waited. Raises as the mode does."""
        try:
            return self._modes.look(session)
        finally:
            go_on()

    def _moved(self, session: Session, conversation: Conversation) -> bool:
        """Only a room that was shown can move: one that no frame may show has no address here."""
        return bool(session.conversation_url) and conversation.url != session.conversation_url

    def _missing(self, session: Session) -> None:
        """Tavus does not know it: a moment after the start that means little, after a while it was deleted there."""
        if self._stopwatch.of("missing", session.id) >= self._limits.horizon_s:
            self._ledger.ended(session, "gone")

    def _keep_record(self, session: Session, seen: reading.Seen) -> None:
        if self._modes.of(session).told_as_said:
            self._record_whole(session)
        elif seen.turns is not None and session.transcript_at is None:
            with self._ledger.store.writing() as connection:
                now = self._ledger.clock()
                if rows.settle(connection, session.id, "transcript_at", now):
                    rows.replace_turns(connection, session.id, "tavus", seen.turns)
                    rows.note(connection, session.id, now, "transcript", f"{len(seen.turns)} entries")
        if seen.perception and not session.perception:
            with self._ledger.store.writing() as connection:
                if rows.settle(connection, session.id, "perception", seen.perception):
                    rows.note(connection, session.id, self._ledger.clock(), "perception")
        if seen.recordings and seen.recordings != session.recordings:
            with self._ledger.store.writing() as connection:
                for recording in rows.keep_recordings(connection, session.id, seen.recordings):
                    kind = "recording_failed" if recording.problem else "recording"
                    rows.note(connection, session.id, self._ledger.clock(), kind, recording.problem or recording.key)

    def _record_whole(self, session: Session) -> None:
        """The worker told each turn as it was said: at the end nothing is missing, unless it was lost on the way."""
        now = self._ledger.get(session.id)
        if now.transcript_at is not None or now.status.open or not self._written(session.id):
            return
        if UNHEARD & {now.end_code, now.reason_code}:
            return
        with self._ledger.store.writing() as connection:
            if not any(event.kind == LOST for event in rows.timeline(connection, session.id)):
                rows.advance(connection, session.id, transcript_at=self._ledger.clock())

    def _check_idle(self, session: Session, idle_s: float) -> None:
        with self._ledger.store.reading() as connection:
            signs = rows.signs_of_life(connection, session.id)
        if session.status in OPEN and self._stopwatch.of("text", session.id, signs) >= idle_s:
            self._ledger.ended(session, "idle")
