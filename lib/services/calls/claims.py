"""Ties a conversation at Tavus to a session: the answer of a start, one found by a list, one that nobody asked for.

Every conversation with our prefix is billed to us, so each gets a session of its own, whatever went wrong before.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection

from lib.clients.rooms import safe_room_url
from lib.errors import BadInput, GreenroomError
from lib.models import CallLimits, Conversation, Session, Status
from lib.services.ledger import outcome
from lib.services.ledger.ledger import Ledger
from lib.services.modes.mode import Modes
from lib.store import sessions as rows

OVER = (Status.FAILED, Status.ENDED)
NAMELESS = "Unknown agent"


@dataclass(frozen=True)
class Claims:
    """Writes which session a conversation belongs to."""

    ledger: Ledger
    modes: Modes
    limits: CallLimits

    def made(self, session: Session, conversation: Conversation) -> str:
        """The answer of the one POST of this session. The id of the session that holds the conversation from now on."""
        with self.ledger.store.writing() as connection:
            if self._fill(connection, session, conversation, self.ledger.clock(), found=False):
                return session.id
        # What the start was waiting for was given up meanwhile, or somebody else found the conversation first.
        return self.found(session.id, conversation)

    def found(self, session_id: str, conversation: Conversation) -> str:
        """A conversation that bears the name of this session, which may be lost. As `made`; "" while the start runs."""
        with self.ledger.store.writing() as connection:
            self.ledger.store.lock_guard(connection)
            account = rows.account_of(connection, session_id)
            held = rows.holders(connection, [conversation.id])
            if held:
                return held[conversation.id][1] if held[conversation.id][0] == self.ledger.account else ""
            if account is None:
                return self._record(connection, session_id, conversation, "lost", self._stranger(conversation))
            session = rows.one(connection, self.ledger.account, session_id)
            if session is None:
                # It was started with another key of this Tavus account, under which it is kept.
                return ""
            if session.status is Status.STARTING and session.in_room:
                return ""
            begun = conversation.created_at or session.created_at
            if self._fill(connection, session, conversation, begun, found=True):
                return session_id
            if self._late(connection, session, conversation):
                return session_id
            return self._record(connection, self.ledger.new_id(), conversation, "extra", session)

    def _fill(
        self, connection: Connection, session: Session, conversation: Conversation, begun: datetime, *, found: bool
    ) -> bool:
        """Give it to the session that waits for it, unless that has one or is over."""
        problem = self._unusable(session, conversation, found)
        values: dict[str, object] = {
            "conversation_id": conversation.id,
            "conversation_url": "" if problem else conversation.url,
            "waiting_at": begun,
            "checking_until": None,
        }
        if problem is not None and conversation.active:
            status, code = Status.ENDING, problem.code
            said = {"reason": problem.message, "reason_code": problem.code, "reason_hint": problem.advice}
        else:
            status, code = (Status.WAITING if conversation.active else Status.ENDING), ""
            said = {"reason": "", "reason_code": "", "reason_hint": ""}
        now = self.ledger.clock()
        waiting = (Status.STARTING, Status.UNKNOWN)
        if rows.claim(connection, session.id, from_statuses=waiting, status=status, end_code=code, **said, **values):
            rows.note(connection, session.id, now, "created", conversation.id)
            if code:
                rows.note(connection, session.id, now, code)
            return True
        if rows.claim(connection, session.id, from_statuses=(Status.ENDING,), **values):
            rows.note(connection, session.id, now, "created", conversation.id)
            return True
        return False

    def _late(self, connection: Connection, session: Session, conversation: Conversation) -> bool:
        """It turned up after it had been given up: it is ended and stays in the record, as it is billed."""
        done = rows.claim(
            connection,
            session.id,
            from_statuses=OVER,
            status=Status.ENDING,
            conversation_id=conversation.id,
            waiting_at=conversation.created_at or session.created_at,
            ended_at=None,
            end_code="late",
            end_reason="",
            reason="",
            reason_code="",
            reason_hint="",
        )
        if done:
            rows.note(connection, session.id, self.ledger.clock(), "late", conversation.id)
        return done

    def _record(
        self, connection: Connection, session_id: str, conversation: Conversation, code: str, like: Session
    ) -> str:
        """A session for a conversation that has none, written before it is ended."""
        now = self.ledger.clock()
        begun = conversation.created_at or now
        session = replace(
            like,
            id=session_id,
            mode=self.modes.tavus.name,
            status=Status.ENDING,
            created_at=begun,
            waiting_at=begun,
            live_at=None,
            ended_at=None,
            conversation_id=conversation.id,
            conversation_url="",
            reason="",
            reason_code="",
            reason_hint="",
            end_code=code,
            end_reason="",
            transcript_at=None,
            perception="",
            recordings=(),
        )
        name = f"{self.ledger.prefix}-{session_id}"
        token = f"{code}-{secrets.token_hex(8)}"
        rows.add(connection, self.ledger.account, rows.Intent(session, token, "", name, {}))
        rows.note(connection, session_id, now, code, conversation.id)
        return session_id

    def _stranger(self, conversation: Conversation) -> Session:
        """What can be known of a session whose row is lost: the name holds the agent's."""
        _, _, agent_name = conversation.name.partition(" ")
        return Session(
            id="",
            agent_id="",
            agent_name=agent_name.strip() or NAMELESS,
            persona_id=conversation.persona_id,
            persona_name="",
            replica_id=conversation.replica_id,
            mode=self.modes.tavus.name,
            status=Status.ENDING,
            created_at=self.ledger.clock(),
            max_call_s=self.limits.call_s,
        )

    def _unusable(self, session: Session, conversation: Conversation, found: bool) -> GreenroomError | None:
        """Why nobody could use what this room costs, or None."""
        if found and (useless := self.modes.of(session).found_late()):
            return useless
        if session.private_room and not conversation.meeting_token:
            return outcome.unusable("key_lost")
        try:
            safe_room_url(conversation.url, self.modes.hosts())
        except BadInput as error:
            return BadInput(error.message, code="unsafe_room", hint=error.hint)
        return None
