"""Deletes sessions with all that was said in them, and keeps what must outlive them.

A click that started one stays used up, the minutes of its day stay counted, and its conversation is not taken for a
stranger's when Tavus lists it: none of these holds a word of what was said.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, bindparam, delete, func, insert, or_, select, update

from lib.models import Status, held_in_room
from lib.store import exchanges
from lib.store.schema import meta, removed, search, sessions
from lib.store.search import number_of

OVER = (Status.ENDED.value, Status.FAILED.value)
TRACES = "traces_of_deleted"
KEPT = timedelta(days=2)
"""How long a deleted session's remains are kept: a day has passed, and no click is repeated after that."""


@dataclass(frozen=True)
class AtTavus:
    """A conversation that is still to be deleted at Tavus. `reason` says why the last of `tries` failed."""

    session_id: str
    conversation_id: str
    tries: int
    again_at: datetime | None
    reason: str


# Asked at every start, so built once.
_TOKEN = (
    select(removed.c.session_id)
    .where(removed.c.account == bindparam("account"), removed.c.token == bindparam("token"))
    .limit(1)
)
_USED = select(func.coalesce(func.sum(removed.c.used_s), 0.0)).where(
    removed.c.account == bindparam("account"), removed.c.created_at >= bindparam("since")
)


def remove(connection: Connection, session_ids: Collection[str], *, at: datetime, at_tavus: bool) -> int:
    """Delete these sessions, but for those that are open. How many were. `at_tavus`: Tavus is to delete them too."""
    gone = (sessions.c.id.in_(session_ids), sessions.c.status.in_(OVER))
    # Another process may be at the same ones: they are locked, in one order, and what it deleted is not found then.
    query = select(sessions).where(*gone).order_by(sessions.c.id).with_for_update()
    found = connection.execute(query).all()
    if not found:
        return 0
    remains = [
        {
            "session_id": row.id,
            "account": row.account,
            "token": row.token,
            "conversation_id": row.conversation_id,
            "created_at": row.created_at,
            "removed_at": at,
            "used_s": _used_s(row.mode, row.waiting_at, row.ended_at),
            "at_tavus": at_tavus and row.conversation_id is not None,
        }
        for row in found
    ]
    connection.execute(insert(removed), remains)
    gone_ids = [row.id for row in found]
    exchanges.forget_sessions(connection, gone_ids)
    connection.execute(delete(sessions).where(sessions.c.id.in_(gone_ids)))
    leave_traces(connection)
    return len(found)


def leave_traces(connection: Connection) -> None:
    """Something was deleted, and its traces may still be in the files."""
    connection.execute(delete(meta).where(meta.c.key == TRACES))
    connection.execute(insert(meta).values(key=TRACES, value=secrets.token_hex(8)))


def traces(connection: Connection) -> str:
    """A mark of the last deletion whose traces may still be in the files; "" if there is none."""
    return str(connection.execute(select(meta.c.value).where(meta.c.key == TRACES)).scalar_one_or_none() or "")


def no_traces(connection: Connection, mark: str) -> None:
    """They are gone, unless more was deleted meanwhile."""
    connection.execute(delete(meta).where(meta.c.key == TRACES, meta.c.value == mark))


def older(connection: Connection, before: datetime, *, limit: int, but: Collection[str] = ()) -> list[str]:
    """Sessions of every account that began before that moment and are over, the oldest first, without `but`."""
    query = select(search.c.session_id).join(sessions, sessions.c.id == search.c.session_id)
    query = query.where(search.c.number < number_of(before), sessions.c.status.in_(OVER))
    query = query.where(sessions.c.id.not_in(but))
    return list(connection.execute(query.order_by(search.c.number).limit(limit)).scalars())


def forget(connection: Connection, before: datetime) -> int:
    """Delete the remains too, once nothing needs them any more."""
    done = delete(removed).where(removed.c.removed_at < before - KEPT, removed.c.at_tavus.is_(False))
    return int(connection.execute(done).rowcount)


def waiting(connection: Connection, account: str, now: datetime, *, limit: int) -> list[AtTavus]:
    """What is to be deleted at Tavus now, the oldest of those that were tried least first."""
    due = or_(removed.c.again_at.is_(None), removed.c.again_at <= now)
    return _at_tavus(connection, account, due, limit=limit)


def refused(connection: Connection, account: str, *, limit: int) -> list[AtTavus]:
    """What could not be deleted at Tavus yet, that which was tried least first."""
    return _at_tavus(connection, account, removed.c.tries > 0, limit=limit)


def _at_tavus(connection: Connection, account: str, which: ColumnElement[bool], *, limit: int) -> list[AtTavus]:
    shown = (removed.c.session_id, removed.c.conversation_id, removed.c.tries, removed.c.again_at, removed.c.refusal)
    query = select(*shown).where(removed.c.account == account, removed.c.at_tavus.is_(True), which)
    query = query.order_by(removed.c.tries, removed.c.created_at, removed.c.session_id)
    return [AtTavus(*row) for row in connection.execute(query.limit(limit))]


def put_off(connection: Connection, session_id: str, until: datetime, reason: str) -> None:
    """Tavus could not be made to delete it: it waits and keeps the reason."""
    values = {"tries": removed.c.tries + 1, "again_at": until, "refusal": reason}
    connection.execute(update(removed).where(removed.c.session_id == session_id).values(**values))


def count_waiting(connection: Connection, account: str) -> int:
    query = select(func.count()).where(removed.c.account == account, removed.c.at_tavus.is_(True))
    return int(connection.execute(query).scalar_one())


def wait_no_longer(connection: Connection, account: str) -> None:
    """Try all of them at once again; how often they were tried stays."""
    mine = (removed.c.account == account, removed.c.again_at.is_not(None))
    connection.execute(update(removed).where(*mine).values(again_at=None))


def done_at_tavus(connection: Connection, session_id: str) -> None:
    connection.execute(update(removed).where(removed.c.session_id == session_id).values(at_tavus=False))


def had_token(connection: Connection, account: str, token: str) -> bool:
    """Whether this click started a session that was deleted."""
    return connection.execute(_TOKEN, {"account": account, "token": token}).first() is not None


def used_s(connection: Connection, account: str, since: datetime) -> float:
    """Seconds of calls that began since then and were deleted."""
    return float(connection.execute(_USED, {"account": account, "since": since}).scalar_one())


def holders(connection: Connection, conversation_ids: Collection[str]) -> dict[str, tuple[str, str]]:
    """Account and id of the deleted sessions that held these conversations, by the conversation's id."""
    query = select(removed.c.conversation_id, removed.c.account, removed.c.session_id)
    found = connection.execute(query.where(removed.c.conversation_id.in_(conversation_ids)))
    return {row[0]: (row[1], row[2]) for row in found}


def _used_s(mode: str, waiting_at: datetime | None, ended_at: datetime | None) -> float:
    if not held_in_room(mode) or waiting_at is None or ended_at is None:
        return 0.0
    return max(0.0, (ended_at - waiting_at).total_seconds())
