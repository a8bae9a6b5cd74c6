"""What every part of a session's life writes through: one row, its timeline, and who it belongs to."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from lib.errors import GreenroomError, NotFound
from lib.models import Mode, Session, Status
from lib.services import plain
from lib.settings import Settings
from lib.store import sessions as rows
from lib.store.database import Store

OPEN = tuple(status for status in Status if status.open)


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Ledger:
    """The sessions of one account."""

    store: Store
    account: str
    settings: Settings
    clock: Callable[[], datetime] = utc_now

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
        **values: Any,
    ) -> bool:
        """Change the row and note it on the timeline, both or neither; False if the status was another by then."""
        with self.store.writing() as connection:
            done = rows.advance(connection, session_id, from_statuses=from_statuses, **values)
            if done:
                rows.note(connection, session_id, at or self.clock(), kind, detail)
        return done

    def ended(self, session: Session, code: str, at: datetime | None = None) -> bool:
        """The session is over, and this is why. Only the first to say so is heard."""
        words = plain.end_reason(code, limit_s=session.max_call_s, absent_s=self.settings.absent_timeout_s)
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
        )

    def refused(self, session: Session, error: GreenroomError) -> bool:
        """The avatar was refused and nothing was created: the session goes on as text, with the cause."""
        return self.advance(
            session.id,
            "refused",
            error.message,
            from_statuses=(Status.STARTING, Status.UNKNOWN),
            mode=Mode.TEXT,
            status=Status.LIVE,
            live_at=self.clock(),
            reason_code=error.code,
            reason=error.message,
            reason_hint=error.hint,
        )
