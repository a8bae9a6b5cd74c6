"""What every part of a session's life writes through: one row, its timeline, and who it belongs to."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from lib.errors import Ambiguous, GreenroomError, NotFound, RateLimited
from lib.models import CallLimits, Mode, Session, Status
from lib.services.ledger import outcome
from lib.services.wording import plain
from lib.store import sessions as rows
from lib.store.database import Store

OPEN = tuple(status for status in Status if status.open)
SOUGHT = (Status.UNKNOWN, Status.ENDING)

_ID = re.compile(r"s-\d{8}-\d{6}-[0-9a-f]{6}")


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Ledger:
    """The sessions of one account. `limits` are for its own words and dates; who needs them is handed them."""

    store: Store
    account: str
    limits: CallLimits = field(default_factory=CallLimits)
    clock: Callable[[], datetime] = utc_now

    @property
    def prefix(self) -> str:
        """What the names of this database's conversations begin with, and no other's."""
        return self.store.meta("prefix")

    def new_id(self) -> str:
        return f"s-{self.clock():%Y%m%d-%H%M%S}-{secrets.token_hex(3)}"

    def name_of(self, session_id: str, agent_name: str, limit: int) -> str:
        """What its conversation is called at Tavus: the session's id can be read from it again."""
        return f"{self.prefix}-{session_id} {agent_name}"[:limit].rstrip()

    def id_in(self, conversation_name: str) -> str:
        """The session that a conversation's name speaks of; "" if it is not one of ours."""
        word = conversation_name.split(" ", 1)[0]
        session_id = word.removeprefix(f"{self.prefix}-")
        return session_id if session_id != word and _ID.fullmatch(session_id) else ""

    def get(self, session_id: str) -> Session:
        """Raises NotFound."""
        with self.store.reading() as connection:
            session = rows.one(connection, self.account, session_id)
        if session is None:
            raise NotFound(f"There is no session {session_id[:60]!r}.")
        return session

    def open(self) -> list[Session]:
        """Sessions that may hold a room or a chat, newest first."""
        with self.store.reading() as connection:
            return rows.open_ones(connection, self.account)

    def advance(
        self,
        session_id: str,
        kind: str,
        detail: str = "",
        *,
        from_statuses: Collection[Status],
        at: datetime | None = None,
        **values: object,
    ) -> bool:
        """Change the row and note it on the timeline, both or neither; False if the status was another by then."""
        with self.store.writing() as connection:
            done = rows.advance(connection, session_id, from_statuses=from_statuses, **values)
            if done:
                rows.note(connection, session_id, at or self.clock(), kind, detail)
        return done

    def unclear(self, session_id: str, cause: str, error: GreenroomError) -> bool:
        """A start whose outcome is not known: it counts as open until Tavus has been asked for long enough."""
        return self.advance(
            session_id,
            "checking",
            cause,
            from_statuses=(Status.STARTING,),
            status=Status.UNKNOWN,
            checking_until=self.clock() + timedelta(seconds=self.limits.horizon_s),
            reason=cause,
            reason_code="ambiguous",
            reason_hint=error.advice,
        )

    def interrupted(self, session_id: str) -> bool:
        """A start whose process has died: whether it was sent is not known."""
        return self.unclear(session_id, "Greenroom was stopped during the start", Ambiguous(""))

    def ending(self, session_id: str, code: str, detail: str = "") -> bool:
        """Greenroom itself ends this call, and this is why; Tavus is told by whoever looks at it next."""
        running = (Status.WAITING, Status.LIVE)
        return self.advance(session_id, code, detail, from_statuses=running, status=Status.ENDING, end_code=code)

    def ended(self, session: Session, code: str, at: datetime | None = None) -> bool:
        """The session is over, and this is why. Only the first to say so is heard."""
        if session.end_code and outcome.unexplained(code):
            code = session.end_code
        words = outcome.told_with(code, limit_s=session.max_call_s, absent_s=self.limits.absent_s)
        at = at or self.clock()
        return self.advance(
            session.id,
            "ended",
            words,
            from_statuses=OPEN,
            at=at,
            status=Status.ENDED,
            ended_at=at,
            end_code=code,
            end_reason=words,
            checking_until=None,
        )

    def never_made(self, session: Session) -> bool:
        """Its end was asked for before the start was sent, or the start was refused meanwhile: there is no call."""
        words, now = outcome.told("ended_here"), self.clock()
        over = {"status": Status.ENDED, "ended_at": now, "end_code": "ended_here", "end_reason": words}
        with self.store.writing() as connection:
            done = rows.claim(connection, session.id, from_statuses=(Status.ENDING,), **over)
            if done:
                rows.note(connection, session.id, now, "ended", words)
        return done

    def refused(self, session: Session, error: GreenroomError) -> bool:
        """The avatar was refused and nothing was created: the session goes on as text, with the cause."""
        hint = error.advice
        if isinstance(error, RateLimited) and error.retry_after_s:
            hint = f"Wait {plain.minutes(max(1.0, error.retry_after_s))} and try again."
        return self.advance(
            session.id,
            "refused",
            error.message,
            from_statuses=(Status.STARTING, Status.UNKNOWN),
            mode=Mode.TEXT,
            status=Status.LIVE,
            live_at=self.clock(),
            checking_until=None,
            reason_code=error.code,
            reason=error.message,
            reason_hint=hint,
        )


def is_sought(session: Session) -> bool:
    """Its conversation is not known, and nobody waits for Tavus's answer any more."""
    return session.status in SOUGHT and not session.conversation_id
