"""Looks at one session's conversation at Tavus and writes what holds: the only place that learns from Tavus."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from weakref import WeakValueDictionary

from lib.errors import NotFound, UpstreamError, UpstreamRejected
from lib.models import Conversation, Mode, Session, Status
from lib.services import record
from lib.services.ledger import OPEN, Ledger
from lib.services.modes.phoenix_rest import PhoenixRest
from lib.store import sessions as rows

log = logging.getLogger(__name__)

HORIZON = timedelta(seconds=120)
"""How long after a start with an unclear answer its conversation may still turn up at Tavus."""

TEXT_IDLE = timedelta(minutes=30)


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


class Watching:
    """Checks sessions. Every method can be called at any time, twice, and by two threads: one waits for the other."""

    def __init__(self, ledger: Ledger, phoenix: PhoenixRest) -> None:
        self._ledger = ledger
        self._phoenix = phoenix
        self._looking: WeakValueDictionary[str, _Turnstile] = WeakValueDictionary()
        self._door = threading.Lock()
        self._troubles: dict[str, Trouble] = {}

    def trouble(self, session_id: str) -> Trouble | None:
        """What keeps this session from being checked, None while all is well. Asks nobody."""
        return self._troubles.get(session_id)

    def check(self, session_id: str) -> None:
        """Bring one session in step with Tavus: at most two requests. Raises UpstreamError; then nothing changed."""
        with self._door:
            turnstile = self._looking.setdefault(session_id, _Turnstile())
        with turnstile.lock:
            try:
                self._check(self._ledger.get(session_id))
            except UpstreamError as error:
                known = self._troubles.get(session_id)
                since = known.since if known else self._ledger.clock()
                self._troubles[session_id] = Trouble(error.message, error.hint, since)
                raise
            self._troubles.pop(session_id, None)

    def _check(self, session: Session) -> None:
        if session.mode is Mode.TEXT:
            self._check_text(session)
        elif session.conversation_id:
            self._check_call(session)
        elif session.status in (Status.UNKNOWN, Status.ENDING):
            self._search(session)

    def created(self, session: Session, conversation: Conversation) -> None:
        """A start was answered: keep the conversation, and end it at once if that was asked for meanwhile."""
        values: dict[str, Any] = {"conversation_id": conversation.id, "conversation_url": conversation.url}
        now = self._ledger.clock()
        if self._ledger.advance(
            session.id,
            "created",
            conversation.id,
            from_statuses=(Status.STARTING, Status.UNKNOWN),
            status=Status.WAITING,
            waiting_at=now,
            reason="",
            reason_code="",
            reason_hint="",
            **values,
        ):
            return
        self._ledger.advance(
            session.id, "created", conversation.id, from_statuses=(Status.ENDING,), waiting_at=now, **values
        )
        self.check(session.id)

    def _check_call(self, session: Session) -> None:
        try:
            conversation = self._phoenix.look(session)
        except (NotFound, UpstreamRejected) as error:
            if session.status.open and isinstance(error, NotFound):
                self._ledger.ended(session, "gone")
                return
            raise
        seen = record.read(conversation)
        if conversation.active and conversation.url and conversation.url != session.conversation_url:
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
            self._phoenix.end(session)
        self._keep_record(session, seen)

    def _keep_record(self, session: Session, seen: record.Seen) -> None:
        if seen.turns is not None and session.transcript_at is None:
            with self._ledger.store.writing() as connection:
                now = self._ledger.clock()
                rows.replace_turns(connection, session.id, "tavus", seen.turns)
                rows.advance(connection, session.id, transcript_at=now)
                rows.note(connection, session.id, now, "transcript", f"{len(seen.turns)} entries")
        if seen.perception and not session.perception:
            with self._ledger.store.writing() as connection:
                rows.advance(connection, session.id, perception=seen.perception)
                rows.note(connection, session.id, self._ledger.clock(), "perception")

    def _search(self, session: Session) -> None:
        with self._ledger.store.reading() as connection:
            name = rows.conversation_name(connection, session.id)
        conversation = self._phoenix.find(name)
        if conversation is not None:
            self.created(session, conversation)
        elif self._ledger.clock() > session.created_at + HORIZON:
            if session.status is Status.ENDING:
                self._ledger.ended(session, "not_created")
            else:
                self._ledger.advance(
                    session.id,
                    "not_created",
                    from_statuses=(Status.UNKNOWN,),
                    status=Status.FAILED,
                    ended_at=self._ledger.clock(),
                    reason="Tavus gave no clear answer to the start, and has no such conversation.",
                    reason_code="not_created",
                    reason_hint="Nothing was created and nothing is billed. Start again.",
                )

    def _check_text(self, session: Session) -> None:
        with self._ledger.store.reading() as connection:
            last = max((event.at for event in rows.timeline(connection, session.id)), default=session.created_at)
        if session.status in OPEN and self._ledger.clock() > last + TEXT_IDLE:
            self._ledger.ended(session, "idle")
