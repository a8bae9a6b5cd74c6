"""Deletes sessions with all that was said in them, and keeps what must outlive them.

A click that started one stays used up, the minutes of its day stay counted, and its conversation is not taken for a
stranger's when Tavus lists it: none of these holds a word of what was said.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import Connection, bindparam, delete, func, insert, select, update

from lib.models import Status, held_in_room
from lib.store import exchanges
from lib.store.schema import meta, removed, search, sessions
from lib.store.search import number_of

OVER = (Status.ENDED.value, Status.FAILED.value)
TRACES = "traces_of_deleted"
KEPT = timedelta(days=2)
"""How long a deleted session's remains are kept: a day has passed, and no click is repeated after that."""


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
    connection.execute(delete(meta).where(meta.c.key == TRACES))
    connection.execute(insert(meta).values(key=TRACES, value=secrets.token_hex(8)))
    return len(found)


def traces(connection: Connection) -> str:
    """A mark of the last deletion whose traces may still be in the files; "" if there is none."""
    return str(connection.execute(select(meta.c.value).where(meta.c.key == TRACES)).scalar_one_or_none() or "")


def no_traces(connection: Connection, mark: str) -> None:
    """They are gone, unless more was deleted meanwhile."""
    connection.execute(delete(meta).where(meta.c.key == TRACES, meta.c.value == mark))


def older(connection: Connection, before: datetime, *, limit: int) -> list[str]:
    """Sessions of every account that began before that moment and are over, the oldest first."""
    query = select(search.c.session_id).join(sessions, sessions.c.id == search.c.session_id)
    query = query.where(search.c.number < number_of(before), sessions.c.status.in_(OVER))
    return list(connection.execute(query.order_by(search.c.number).limit(limit)).scalars())


def forget(connection: Connection, before: datetime) -> int:
    """Delete the remains too, once nothing needs them any more."""
    done = delete(removed).where(removed.c.removed_at < before - KEPT, removed.c.at_tavus.is_(False))
    return int(connection.execute(done).rowcount)


def waiting(connection: Connection, account: str, *, limit: int) -> list[tuple[str, str]]:
    """Session and conversation ids of what is still to be deleted at Tavus, the oldest first."""
    query = select(removed.c.session_id, removed.c.conversation_id)
    query = query.where(removed.c.account == account, removed.c.at_tavus.is_(True))
    return [(row[0], row[1]) for row in connection.execute(query.order_by(removed.c.created_at).limit(limit))]


def count_waiting(connection: Connection, account: str) -> int:
    query = select(func.count()).where(removed.c.account == account, removed.c.at_tavus.is_(True))
    return int(connection.execute(query).scalar_one())


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
